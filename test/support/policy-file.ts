import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A policy for TOLLGATE_POLICY, removed at the end of its block. */
export async function policyFile(
  rules: Readonly<Record<string, readonly (string | object)[]>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "tollgate-policy-"));
  const path = join(folder, "policy.json");
  await writeFile(path, JSON.stringify({ kind: "policy", name: "test", ...rules }));
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
