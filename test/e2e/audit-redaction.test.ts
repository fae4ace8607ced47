/**
 * Goal: what redaction takes from a record, its chain outlives: `audit verify` says "complete", counts such records, and still sees
 * what is done to the rest of them. Method: a real agent whose user the processor redacts, then the command line, on the
 * processor and offline on an export of which one record was changed.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { VerifyReport } from "../../src/audit/verify/finding.ts";
import { Child } from "../../src/demo/child-process.ts";
import { lastWords } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { sqlRows, useRig } from "../support/rig.ts";

const AGENT = join(import.meta.dirname, "../support/agents/audited.mjs");
const CALLS = 4;

const rig = useRig({
  governance: "",
  config:
    'audit: { checkpoint_interval_ms: 200 }\nprocessors: { redact: { action: hash, patterns: [{ name: person, regex: "zo." }] } }\n',
});

async function verify(...args: readonly string[]): Promise<VerifyReport> {
  const [report] = await rig().processor.cli("audit", "verify", ...args);
  return report as VerifyReport;
}

test("a redacted record keeps its chain whole, and what else is done to it is seen", async () => {
  const { workspace, processor } = rig();
  const agent = new Child({
    args: ["--import", "@tollgate/instrumentation/register", AGENT, String(CALLS)],
    env: {
      TOLLGATE_AGENT: "clerk",
      OTEL_EXPORTER_OTLP_ENDPOINT: processor.endpoints.otlp_http,
      TOLLGATE_ENDPOINT: processor.endpoints.api,
    },
  });
  const exit = await agent.exit;
  expect(exit.code, lastWords(exit)).toBe(0);

  const isSigned = async (): Promise<boolean> => {
    const { records, unsigned } = await verify();
    return records > CALLS && unsigned === 0;
  };
  await waitFor(isSigned, { what: "signed records", timeoutMs: 60_000, intervalMs: 200 });
  // Once more: links are read before records, and may have come between.
  const report = await verify();
  expect(report).toMatchObject({ complete: true, findings: [], records: CALLS + 1, redacted: CALLS });
  const users = await sqlRows(rig(), "SELECT DISTINCT attributes['user.id'] AS user FROM spans WHERE tool != ''", 1);
  expect(JSON.stringify(users)).not.toContain("zo\u00eb");

  const file = join(workspace.path, "export.ndjson");
  await processor.cli("audit", "export", "--out", file).catch(ignoreNoOutput);
  const [key] = (await processor.cli("audit", "keys")) as readonly { readonly public_key: string }[];
  const offline = ["--file", file, "--key", key?.public_key ?? ""];
  expect(await verify(...offline)).toMatchObject({ complete: true, redacted: CALLS });
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/^(\["hashed".*)"clerk"/m, '$1"other"'));
  await expect(verify(...offline)).rejects.toThrow("exit code 1");
});

/** `export` prints nothing. */
function ignoreNoOutput(error: unknown): void {
  if (!(error instanceof SyntaxError)) throw error;
}
