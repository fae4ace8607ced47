/**
 * Goal: `audit verify` says "complete" of what real processes recorded, whatever was killed meanwhile, and names each kind of
 * tampering rightly. Method: agents run against a real processor, one of them and the processor are killed; then the processor's own
 * database is opened by somebody who may write to it, altered in one way after the other, verified, and put back.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AuditDesk, exportLines } from "../../src/api/audit.ts";
import { hashOfLeaf, type Leaf } from "../../src/audit/checkpoint.ts";
import { isConsistent, isIncluded } from "../../src/audit/merkle.ts";
import type { VerifyReport } from "../../src/audit/verify/finding.ts";
import { Verifier } from "../../src/audit/verify/verifier.ts";
import { Child } from "../../src/demo/child-process.ts";
import { lastWords, ProcessorProcess, type Workspace } from "../../src/demo/processor-process.ts";
import { createWorkspace } from "../support/workspace.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { AuditKeeper } from "../../src/service/audit-keeper.ts";
import { dataDirectory } from "../../src/service/data-directory.ts";
import { createStorage, type Storage } from "../../src/storage/client.ts";
import { EmbeddedEngine } from "../../src/storage/embedded/engine.ts";
import { type QueryName, queryText } from "../../src/storage/queries/catalog.ts";
import { SystemClock } from "../../src/support/clock.ts";
import { Telemetry } from "../../src/telemetry/telemetry.ts";
import { ownEndpoints } from "../support/own-ports.ts";
import { readLines, scanned } from "../support/read-lines.ts";
import { TAMPERINGS } from "../support/tamperings.ts";

const CONFIG = "audit: { checkpoint_interval_ms: 200, hole_grace_ms: 1000, anchor: { file: ./heads.ndjson } }\n";
const AGENT = join(import.meta.dirname, "../support/agents/audited.mjs");
const RANGE = { since_ms: 0, until_ms: Date.UTC(2200, 0, 1) };

let workspace: Workspace;
let processor: ProcessorProcess;

interface PublicKeyRow {
  readonly public_key: string;
}

async function runAgent(name: string, args: readonly string[]): Promise<string> {
  const child = new Child({
    args: ["--import", "@tollgate/instrumentation/register", AGENT, ...args],
    env: {
      TOLLGATE_AGENT: name,
      OTEL_EXPORTER_OTLP_ENDPOINT: processor.endpoints.otlp_http,
      TOLLGATE_ENDPOINT: processor.endpoints.api,
    },
  });
  const exit = await child.exit;
  const isWhole = exit.code === 0 && !exit.stderr.includes("lost");
  return exit.signal ?? (isWhole ? "ended" : lastWords(exit));
}

async function verify(): Promise<VerifyReport> {
  const [report] = await processor.cli("audit", "verify");
  return report as VerifyReport;
}

/** Once so many records can be read; and then once more, because links are read before records and may have come between. */
async function verifyWhenStored(records: number): Promise<VerifyReport> {
  let last: VerifyReport | undefined;
  await waitFor(
    async () => {
      last = await verify();
      return last.records >= records && last.unsigned === 0 ? last : undefined;
    },
    { what: `${records} signed records`, timeoutMs: 60_000, intervalMs: 200 },
  ).catch((error: unknown) => {
    throw new Error(`the last report: ${JSON.stringify(last)}`, { cause: error });
  });
  return verify();
}

beforeAll(async () => {
  workspace = await createWorkspace({ governance: "", config: CONFIG });
  processor = await ProcessorProcess.start({ workspace, at: await ownEndpoints() });
});

afterAll(async () => {
  await processor.stop();
  await workspace.remove();
});

describe("what processes recorded", () => {
  it("is complete, and an open end is no finding: an agent that was killed has one", async () => {
    expect(await runAgent("clean", ["5", "3"])).toBe("ended");
    expect(await runAgent("killed", ["4", "2", "killed"])).toBe("SIGKILL");
    // 5 + 3 calls and the closing link; of the killed one what it had sent.
    const report = await verifyWhenStored(13);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ complete: true, chains: 2, open_chains: 1, records: 13, unchained: 0, redacted: 0 });
  });

  it("is complete after the processor was killed in the middle of it", async () => {
    const isBack = join(workspace.path, "processor-is-back");
    const agent = runAgent("during", ["20", "20", isBack]);
    await waitFor(async () => (await processor.cli("audit", "verify").catch(() => [])).some(hasRecords), {
      what: "the first records",
      timeoutMs: 60_000,
    });
    await processor.kill();
    processor = await ProcessorProcess.start({ workspace, at: processor.endpoints });
    await writeFile(isBack, "");
    expect(await agent).toBe("ended");
    const report = await verifyWhenStored(13 + 41);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ complete: true, chains: 3, open_chains: 1, records: 54 });
  });

  it("can be verified offline, from an export and a public key that is known from elsewhere", async () => {
    const file = join(workspace.path, "export.ndjson");
    const [first] = (await processor.cli("audit", "keys")) as readonly PublicKeyRow[];
    await processor.cli("audit", "keys", "--rotate");
    await runAgent("rotated", ["1", "0"]);
    await verifyWhenStored(56);
    await processor.cli("audit", "export", "--out", file).catch(ignoreNoOutput);
    const [report] = await processor.cli("audit", "verify", "--file", file, "--key", first?.public_key ?? "");
    expect(report).toMatchObject({ complete: true, findings: [], records: 56 });
    const stranger = Buffer.alloc(32, 7).toString("base64");
    await expect(processor.cli("audit", "verify", "--file", file, "--key", stranger)).rejects.toThrow("exit code 1");
    const text = await readFile(file, "utf8");
    // What the engine writes is what the short way reads.
    for (const line of text.split("\n").filter((one) => /^\["(?:hashed|link)"/.test(one))) {
      expect(scanned(Buffer.from(line)), line).toMatchObject({ count: 1, inFull: [] });
    }
    const kinds = (lines: readonly string[], key: string): ReadonlySet<string> => {
      const verifier = new Verifier({ trusted: [key] });
      readLines(verifier, lines);
      return new Set(verifier.finish().findings.map(({ kind }) => kind));
    };
    const lines = text.split("\n");
    expect(kinds(lines, stranger)).toEqual(new Set(["wrong_key"]));
    expect(kinds(lines.slice(0, -5), first?.public_key ?? "")).toContain("export_damaged");
  });
});

describe("what was signed", () => {
  it("is held to the heads that an anchor has", async () => {
    const heads = join(workspace.path, "heads.ndjson");
    const [report] = await processor.cli("audit", "verify", "--anchor", heads);
    expect(report).toMatchObject({ complete: true });
    const forged = join(workspace.path, "forged.ndjson");
    const [first = ""] = (await readFile(heads, "utf8")).split("\n");
    await writeFile(forged, JSON.stringify({ ...(JSON.parse(first) as object), hash: "0".repeat(64) }));
    await expect(processor.cli("audit", "verify", "--anchor", forged)).rejects.toThrow("exit code 1");
  });

  it("is proved over HTTP: that the log holds a leaf, and has only grown", async () => {
    const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();
    const ask = async (path: string): Promise<{ readonly status: number; readonly body: Proof }> => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${processor.endpoints.api}/v1/audit${path}`, { headers });
      return { status: answer.status, body: (await answer.json()) as Proof };
    };
    const { size = 0, root = "" } = (await ask("")).body.checkpoint ?? {};
    const hashes = (proof: readonly string[]): readonly Buffer[] => proof.map((hash) => Buffer.from(hash, "hex"));
    const rootHash = Buffer.from(root, "hex");
    for (const index of [0, size - 1]) {
      const { body } = await ask(`/proof?size=${size}&leaf=${index}`);
      const given = { index, size, root: rootHash, proof: hashes(body.proof) };
      expect(isIncluded({ ...given, leaf: hashOfLeaf(body.leaf) })).toBe(true);
      expect(
        isIncluded({ ...given, leaf: hashOfLeaf(["ff".repeat(16), ...body.leaf.slice(1)] as unknown as Leaf) }),
      ).toBe(false);
    }
    const [before, grown] = [await ask("/proof?size=1&leaf=0"), await ask(`/proof?size=${size}&first=1`)];
    const first = { size: 1, root: Buffer.from(before.body.root, "hex") };
    const proof = hashes(grown.body.proof);
    expect(isConsistent({ first, second: { size, root: rootHash }, proof })).toBe(true);
    expect(isConsistent({ first: { size: 1, root: rootHash }, second: { size, root: rootHash }, proof })).toBe(false);
    for (const path of [
      "/proof?size=1",
      "/proof?size=1&leaf=0&first=1",
      "/proof?size=0&leaf=0",
      "/proof?size=x&leaf=0",
    ])
      expect((await ask(path)).status).toBe(400);
    for (const path of [`/proof?size=${size + 1_000}&leaf=0`, `/proof?size=1&leaf=1`, "/proof?size=1&first=2"])
      expect((await ask(path)).status).toBe(404);
  });
});

interface Proof {
  readonly checkpoint?: { readonly size: number; readonly root: string };
  readonly root: string;
  readonly leaf: Leaf;
  readonly proof: readonly string[];
}

describe("a candidate policy", () => {
  it("is replayed over what was recorded", async () => {
    const file = join(workspace.path, "candidate.yaml");
    await writeFile(file, "kind: policy\nname: candidate\nagents: [clean]\ndefault: allow\ndeny: [read_*]\n");
    const [report] = await processor.cli("policy", "replay", file, "--since", "1h");
    const change = { change: "newly_denied", agent: "clean", tool: "read_order", was: "allow", becomes: "deny" };
    expect(report).toMatchObject({ changes: [{ ...change, rule: "deny: read_*", decisions: 8 }] });
    const [plan] = await processor.cli("plan", file);
    expect(plan).toMatchObject({
      documents: [{ subject: "policy candidate", change: "added" }],
      changes: [change],
      not_governed: 0,
    });
  });

  it("is replayed with budgets: what a limit would have stopped", async () => {
    const file = join(workspace.path, "limits.yaml");
    const limit = (name: string, text: string) => `kind: budget\nname: ${name}\nlimit: ${text}\nwindow: lifetime\n`;
    await writeFile(file, `${limit("few", "3 tool calls")}each: agent\n---\n${limit("many", "1000000 tool calls")}`);
    const [report] = (await processor.cli("policy", "replay", file, "--since", "1h")) as readonly BudgetsReported[];
    const { budgets } = report ?? {};
    const clean = budgets?.rows.find(({ agent }) => agent === "clean");
    // It made eight.
    expect(clean).toMatchObject({ effect: "stopped", budget: "few", instance: "clean", calls: 5, amount: "5" });
    expect(clean?.traces.length).toBeGreaterThan(0);
    expect(budgets?.budgets).toMatchObject([
      { budget: "few", most: "3" },
      // What one stops, the other has not to count.
      { budget: "many", most: String((budgets?.calls ?? 0) - (budgets?.stopped ?? 0)) },
    ]);
  });
});

interface BudgetsReported {
  readonly budgets: {
    readonly calls: number;
    readonly stopped: number;
    readonly budgets: readonly unknown[];
    readonly rows: readonly { readonly agent: string; readonly traces: readonly string[] }[];
  };
}

/** More than the agents before have left. */
function hasRecords(report: unknown): boolean {
  return (report as VerifyReport).records > 13;
}

/** `export` prints nothing. */
function ignoreNoOutput(error: unknown): void {
  if (!(error instanceof SyntaxError)) throw error;
}

describe("what somebody did who can write to the database", () => {
  let engine: EmbeddedEngine;
  let storage: Storage;
  let keeper: AuditKeeper;
  let scratch: string;
  const clock = new SystemClock();
  const telemetry = new Telemetry({ level: "error" });

  beforeAll(async () => {
    await processor.stop();
    scratch = await mkdtemp(join(tmpdir(), "tollgate-audit-"));
    const data = dataDirectory(workspace.dataDir);
    engine = new EmbeddedEngine({ dataDir: data.clickhouse, users: [{ name: "owner", password: "o" }] });
    const { url } = await engine.start();
    storage = createStorage({ url, username: "owner", password: "o", database: "tollgate" });
    for (const table of ["span_log", "audit_checkpoint_log"]) {
      await storage.command(`CREATE TABLE ${table}_kept ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM ${table}`);
    }
    keeper = new AuditKeeper({
      paths: data.audit,
      store: {
        isReady: true,
        select: (query, parameters) => storage.query(queryText(query), parameters),
        insertRows: async () => {},
      },
      clock,
      telemetry,
      checkpointIntervalMs: 3_600_000,
      holeGraceMs: 0,
      anchors: [],
      checksSeal: true,
      oldestWaitingMs: () => undefined,
      retentionMs: undefined,
    });
    await keeper.start();
  });

  afterAll(async () => {
    await keeper.stop();
    await storage.close();
    await engine.stop();
    await rm(scratch, { recursive: true });
  });

  async function verifyHere({ retainedFromMs }: { retainedFromMs?: number } = {}): Promise<VerifyReport> {
    const verifier = new Verifier({ trusted: undefined });
    let text = "";
    const lines = {
      lines: (query: QueryName, parameters: object) => storage.lines(queryText(query), { ...parameters }, {}),
    };
    const desk: AuditDesk = {
      keys: keeper.keys,
      lastCheckpoint: keeper.lastCheckpoint,
      readCheckpoints: (from) => keeper.readCheckpoints(from),
      rotateKey: () => keeper.rotateKey(),
      work: () => keeper.work(),
      counts: () => keeper.counts(),
      storedToMs: () => keeper.storedToMs(),
      settledToMs: () => keeper.settledToMs(),
      retainedFromMs: () => retainedFromMs,
    };
    for await (const piece of exportLines({ desk, clock, lines }, RANGE)) {
      text += typeof piece === "string" ? piece : Buffer.from(piece).toString();
    }
    readLines(verifier, [text]);
    return verifier.finish();
  }

  async function putBack(): Promise<void> {
    for (const table of ["span_log", "audit_link_log", "audit_checkpoint_log"])
      await storage.command(`TRUNCATE TABLE ${table}`);
    await storage.command("INSERT INTO span_log SELECT * FROM span_log_kept");
    await storage.command("INSERT INTO audit_checkpoint_log SELECT * FROM audit_checkpoint_log_kept");
  }

  it.each(TAMPERINGS)("is seen: $name", async ({ statements, found }) => {
    await putBack();
    expect((await verifyHere()).findings).toEqual([]);
    for (const statement of statements)
      await storage.command(statement, { settings: { mutations_sync: 2, lightweight_deletes_sync: 2 } });
    const report = await verifyHere();
    expect(report.findings.map(({ kind }) => kind)).toEqual(found);
  });

  it("is no finding where retention took records: their hashes are there, and the chain holds", async () => {
    await putBack();
    await storage.command(`DELETE FROM span_log WHERE agent = 'clean'`, { settings: { lightweight_deletes_sync: 2 } });
    const report = await verifyHere({ retainedFromMs: clock.now() });
    expect(report).toMatchObject({ complete: true, findings: [], expired: 9 });
    // What retention did not take yet has to be there.
    const kinds = (await verifyHere({ retainedFromMs: 1 })).findings.map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(["dropped"]));
  });
});
