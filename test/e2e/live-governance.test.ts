/**
 * Goal: whoever changes a budget while a fleet runs sees it held at once, without a restart and without an agent's help.
 * Method: a real processor, a real agent process that makes call after call, and a document that changes on disk.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";

const budget = (limit: string): string => `kind: budget\nname: fleet\nlimit: ${limit}\nwindow: lifetime\n`;

const rig = useRig({ governance: budget("$0.002") });

const request = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 60 };

interface Status {
  readonly governance: { readonly version: string; readonly refused: { readonly problems: readonly string[] } | null };
  readonly warnings: readonly string[];
}

async function status(): Promise<Status> {
  const { processor, workspace } = rig();
  const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();
  const answer = await fetch(`${processor.endpoints.api}/v1/status`, { headers: { authorization: `Bearer ${token}` } });
  return (await answer.json()) as Status;
}

async function limitIs(limit: string): Promise<void> {
  const { processor } = rig();
  await waitFor(
    async () => {
      const [row] = (await processor.cli("budgets")) as { readonly limit: string }[];
      return row?.limit === limit ? true : undefined;
    },
    { what: `a limit of ${limit}`, timeoutMs: 60_000 },
  );
}

test("a raised limit is in force without a restart, an invalid document changes nothing and is said", async () => {
  const { processor, workspace, providerUrl } = rig();
  const run = () =>
    runSteps({
      name: "one",
      providerUrl,
      endpoints: processor.endpoints,
      steps: Array.from({ length: 6 }, () => ({ kind: "chat", request })),
    });
  const before = await run();
  expect(before.results.at(-1)).toMatchObject({ ok: false, code: "budget_exceeded" });

  const file = join(workspace.path, "governance", "documents.yaml");
  await writeFile(file, budget("5abc"));
  const refused = await waitFor(async () => ((await status()).governance.refused === null ? undefined : status()), {
    what: "a refusal",
    timeoutMs: 60_000,
  });
  expect(refused.governance.refused?.problems).toEqual([expect.stringContaining("limit: expected an amount")]);
  expect(refused.warnings.join("\n")).toContain("stays in force");
  await limitIs("2000000");

  await writeFile(file, budget("$1.00"));
  await limitIs("1000000000");
  expect((await status()).governance.refused).toBeNull();
  expect((await run()).results.every(({ ok }) => ok)).toBe(true);

  await writeFile(file, budget("$2.00"));
  process.kill(processor.endpoints.pid, "SIGHUP");
  await limitIs("2000000000");

  const raise = ["budgets", "raise", "fleet", "--by", "$1", "--for", "1h", "--reason", "month end"] as const;
  expect(await processor.cli(...raise)).toMatchObject([
    { budget: "fleet", by_usd: "1.000000000", reason: "month end" },
  ]);
  const rows = await processor.cli("budgets");
  expect(rows).toMatchObject([{ limit: "3000000000", raises: [{ author: "people-token" }] }]);
});

test("a directory is applied as a whole, survives kill -9 of the processor, and the files come back when they are asked for", async () => {
  const { workspace } = rig();
  const candidate = join(workspace.path, "candidate");
  await mkdir(candidate);
  const documents = join(candidate, "all.yaml");
  await writeFile(documents, `${budget("$3.00")}---\nkind: policy\nname: shop\nallow: "no list"\n`);
  await expect(rig().processor.cli("apply", candidate)).rejects.toThrow(/all\.yaml:\d+:\d+: allow/);
  await limitIs("3000000000");

  await writeFile(documents, `${budget("$4.00")}---\nkind: policy\nname: shop\nallow: ["read_*"]\n`);
  const planned = await rig().processor.cli("apply", candidate, "--dry-run");
  expect(planned).toMatchObject([{ outcome: "planned", changes: [{ change: "changed" }, { subject: "policy shop" }] }]);
  expect(await rig().processor.cli("apply", candidate, "--reason", "launch")).toMatchObject([{ outcome: "applied" }]);
  await limitIs("5000000000");
  expect(await rig().processor.cli("changes", "--action", "governance")).toMatchObject([
    { changes: [{ author: "people-token", action: "governance.apply", after: { reason: "launch" } }] },
  ]);

  await rig().processor.kill();
  rig().processor = await ProcessorProcess.start({ workspace });
  await limitIs("5000000000");
  expect(await rig().processor.cli("apply", "--files")).toMatchObject([{ outcome: "applied" }]);
  await limitIs("3000000000");
});

// Last: the processor that it leaves behind is closed.
test("SQL closes when a document that names a tenant is applied, without a restart, and the files' return does not open it", async () => {
  const { processor, workspace } = rig();
  const asked = async (): Promise<number> => {
    const headers = { "x-clickhouse-user": "default", "x-clickhouse-key": "" };
    return (await fetch(processor.endpoints.clickhouse, { method: "POST", headers, body: "SELECT 1" })).status;
  };
  expect(await asked()).toBe(200);
  const candidate = join(workspace.path, "tenants");
  await mkdir(candidate);
  await writeFile(
    join(candidate, "all.yaml"),
    `${budget("$3.00")}---\nkind: agent\nname: acme-bot\nowner: acme\ntenant: acme\n`,
  );
  expect(await processor.cli("apply", candidate)).toMatchObject([{ outcome: "applied" }]);
  await waitFor(async () => ((await asked()) === 403 ? true : undefined), { what: "a refusal", timeoutMs: 60_000 });
  expect(await processor.cli("sql", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  expect(await processor.cli("apply", "--files")).toMatchObject([{ outcome: "applied" }]);
  expect(await asked()).toBe(403);
});
