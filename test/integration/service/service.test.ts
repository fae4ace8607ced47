/**
 * Goal: the assembled service keeps its promises at the edges of its life: who may come in, a ClickHouse that is away, a
 * restart, a start that cannot be.
 * Method: real processors with their engine in child processes, each on free ports and a data directory of its own.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ProcessorProcess, type Workspace } from "../../../src/demo/processor-process.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { otlpJson, sendOtlp } from "../../support/otlp-fixture.ts";
import { ownPort } from "../../support/own-ports.ts";
import { runSteps } from "../../support/step-agent.ts";
import { tollgate } from "../../support/tollgate-cli.ts";

const KEY = "key-of-shop-0123456789";
const BUDGET = "kind: budget\nname: all\nlimit: $1.00\nwindow: lifetime\n";
const CHAT = { kind: "chat", request: { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] } };
const NOW = (): bigint => BigInt(Date.now()) * 1_000_000n;

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of cleanup.splice(0).toReversed()) await each();
});

async function workspaceWith(config = ""): Promise<Workspace> {
  const workspace = await createWorkspace({ governance: BUDGET, config });
  cleanup.push(() => workspace.remove());
  return workspace;
}

async function start(workspace: Workspace): Promise<ProcessorProcess> {
  const processor = await ProcessorProcess.start({ workspace });
  cleanup.push(() => processor.stop());
  return processor;
}

async function settled(processor: ProcessorProcess): Promise<unknown> {
  const [row] = (await processor.cli("budgets")) as { settled: string }[];
  return row?.settled;
}

/** A page for a terminal, without its line ends. */
function oneLine(page: string): string {
  return page.replaceAll(/\s+/g, " ");
}

async function untilSql(processor: ProcessorProcess, query: string, wanted: unknown): Promise<unknown> {
  let last: unknown;
  await waitFor(
    async () => {
      try {
        [last] = await processor.cli("sql", query);
      } catch (error) {
        last = error;
      }
      return JSON.stringify(last) === JSON.stringify(wanted) ? true : undefined;
    },
    { what: `${query} to be ${JSON.stringify(wanted)}`, timeoutMs: 60_000 },
  );
  return last;
}

describe("with auth", () => {
  it("spans and leases need an agent's key, and only the key makes a name verified", async () => {
    const workspace = await workspaceWith(`auth: { agents: [{ agents: ["shop"], key: "${KEY}" }] }\n`);
    const running = await start(workspace);
    const { otlp_http: otlp, api } = running.endpoints;
    const spans = otlpJson({ startUnixNano: NOW() });
    expect((await sendOtlp(otlp, spans)).status).toBe(401);
    expect((await sendOtlp(otlp, spans, { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await sendOtlp(otlp, spans, { authorization: `Bearer ${KEY}` })).status).toBe(200);
    const claimed = otlpJson({ startUnixNano: NOW(), service: "admin", traceId: "a".repeat(32) });
    expect((await sendOtlp(otlp, claimed, { authorization: `Bearer ${KEY}` })).status).toBe(200);
    await untilSql(running, "SELECT groupUniqArray(agent) AS a FROM spans WHERE agent_verified", { a: ["shop"] });

    const hello = { process_id: "1".repeat(32), agent: "shop", labels: {}, pid: 1, version: "0" };
    const say = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${api}/v1/leases/hello`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(hello),
      });
    expect((await say({})).status).toBe(401);
    expect(await (await say({ authorization: `Bearer ${KEY}` })).json()).toMatchObject({ agent_verified: true });
  });
});

describe("a ClickHouse that is away at the start", () => {
  it("does not keep the processor from taking spans and metering them, and status says so", async () => {
    const directory = await mkdtemp(join(tmpdir(), "tollgate-away-"));
    cleanup.push(() => rm(directory, { recursive: true }));
    const port = await ownPort();
    const workspace = await workspaceWith();
    // `createWorkspace` asks for the embedded engine; this test writes a file of its own.
    const file = join(directory, "tollgate.yaml");
    await writeFile(
      file,
      `receivers: { otlp: { protocols: { http: { endpoint: 127.0.0.1:0 }, grpc: { endpoint: 127.0.0.1:0 } } } }
api: { endpoint: 127.0.0.1:0 }
storage: { clickhouse: { url: "http://127.0.0.1:${port}" } }
exporters: { clickhouse: { deduplication: { load_timeout_ms: 100 }, drain_timeout_ms: 100 } }
governance: { paths: ["${join(workspace.path, "governance")}"] }
`,
    );
    const readyFile = join(directory, "ready.json");
    const dataDir = join(directory, "data");
    const { serving, abort } = serveInBackground(["--config", file, "--data-dir", dataDir, "--ready-file", readyFile]);
    cleanup.push(async () => {
      abort();
      await serving;
    });
    const endpoints = await waitFor(async () => readJson<{ otlp_http: string; api: string }>(readyFile), {
      what: "the ready file",
      timeoutMs: 60_000,
    });
    expect((await sendOtlp(endpoints.otlp_http, otlpJson({ startUnixNano: NOW() }))).status).toBe(200);
    await waitFor(
      async () => {
        const { stdout } = await tollgate(["budgets", "--json", "--data-dir", dataDir]);
        return stdout.includes('"settled": "3500000"') ? true : undefined;
      },
      { what: "the ledger to know the spend", timeoutMs: 60_000 },
    );
    const status = await tollgate(["status", "--data-dir", dataDir]);
    expect(status.code).toBe(1);
    expect(status.stdout).toContain("ClickHouse cannot be reached; 4 spans in the spool");
    expect(oneLine(status.stdout)).toContain(
      "budget `all`: grants nothing until ClickHouse tells what was spent before, at most until 20",
    );
    const budgets = await tollgate(["budgets", "--data-dir", dataDir]);
    expect(budgets.stdout).toMatch(/^all .* closed .* past awaited, closed until 20\S+Z$/m);
    const spend = await tollgate(["spend", "--by", "agent", "--data-dir", dataDir]);
    expect([spend.code, spend.stderr]).toEqual([3, expect.stringContaining("ClickHouse cannot be reached")]);

    const { results } = await runSteps({ name: "early", providerUrl: "http://127.0.0.1:9", endpoints, steps: [CHAT] });
    expect(results[0]).toMatchObject({ ok: false, code: "budget_exceeded" });
    expect(results[0]?.message).toMatch(/^budget `all` of \$1\.00 grants nothing yet: .* no answer from ClickHouse/);
    const asked = { agent: "py", estimate_usd: "0.01", wait_ms: 0 };
    const refused = await fetch(`${endpoints.api}/v1/reservations`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(asked),
    });
    expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([402, true]);
    expect(await refused.json()).toMatchObject({ code: "budget_exceeded", obstacle: "past_awaited" });
  });
});

describe("a restart", () => {
  it("keeps spend, spans and the token, and takes its files away while it is down", async () => {
    const workspace = await workspaceWith();
    const first = await ProcessorProcess.start({ workspace });
    const body = otlpJson({ startUnixNano: NOW() });
    expect((await sendOtlp(first.endpoints.otlp_http, body)).status).toBe(200);
    await waitFor(async () => ((await settled(first)) === "3500000" ? true : undefined), {
      what: "the spend",
      timeoutMs: 60_000,
    });
    const token = await readFile(join(workspace.dataDir, "token"), "utf8");
    expect((await first.stop()).code).toBe(0);
    expect(await readJson(join(workspace.dataDir, "endpoints.json"))).toBeUndefined();
    expect(await readJson(join(workspace.path, "ready.json"))).toBeUndefined();
    expect((await tollgate(["sql", "SELECT 1", "--data-dir", workspace.dataDir])).code).toBe(3);

    const second = await start(workspace);
    expect(await settled(second)).toBe("3500000");
    expect(await readFile(join(workspace.dataDir, "token"), "utf8")).toBe(token);
    // The client has not heard the answer and sends again: known, not counted again.
    expect((await sendOtlp(second.endpoints.otlp_http, body)).status).toBe(200);
    await untilSql(second, "SELECT toUInt32(count()) AS n FROM spans", { n: 4 });
    expect(await settled(second)).toBe("3500000");
  });
});

/** A processor whose embedded engine has these passwords. */
async function withPasswords(passwords: string): Promise<{ clickhouse: string; dataDir: string }> {
  const workspace = await createWorkspace({ governance: BUDGET });
  cleanup.push(() => workspace.remove());
  const file = join(workspace.path, "locked.yaml");
  await writeFile(
    file,
    `receivers: { otlp: { protocols: { http: { endpoint: 127.0.0.1:0 }, grpc: { endpoint: 127.0.0.1:0 } } } }
api: { endpoint: 127.0.0.1:0 }
storage: { embedded: { endpoint: 127.0.0.1:0, ${passwords} } }
governance: { paths: [./governance] }
`,
  );
  const readyFile = join(workspace.path, "ready.json");
  const background = serveInBackground(["--config", file, "--data-dir", workspace.dataDir, "--ready-file", readyFile]);
  cleanup.push(async () => {
    background.abort();
    await background.serving;
  });
  const { clickhouse } = await waitFor(async () => readJson<{ clickhouse: string }>(readyFile), {
    what: "the ready file",
    timeoutMs: 60_000,
  });
  return { clickhouse, dataDir: workspace.dataDir };
}

it("the engine's readers need their password once there is one, and may never write", async () => {
  const { clickhouse, dataDir } = await withPasswords("readonly_password: open-sesame");
  const ask = async (password: string, query: string): Promise<number> => {
    const headers = { "x-clickhouse-user": "default", "x-clickhouse-key": password };
    return (await fetch(clickhouse, { method: "POST", headers, body: query })).status;
  };
  expect([await ask("", "SELECT 1"), await ask("wrong", "SELECT 1"), await ask("open-sesame", "SELECT 1")]).toEqual([
    403, 403, 200,
  ]);
  expect(await ask("open-sesame", "DROP TABLE tollgate.span_log")).not.toBe(200);
  expect((await tollgate(["sql", "SELECT 1", "--data-dir", dataDir])).code).toBe(0);
});

it("another program keeps its own database in the engine as `admin`, which readers see and do not change", async () => {
  const { clickhouse, dataDir } = await withPasswords("admin_password: s3same");
  const ask = async (user: string, password: string, query: string): Promise<readonly [number, string]> => {
    const headers = { "x-clickhouse-user": user, "x-clickhouse-key": password };
    const reply = await fetch(clickhouse, { method: "POST", headers, body: query });
    return [reply.status, (await reply.text()).trim()];
  };
  for (const sql of [
    "CREATE DATABASE otel",
    "CREATE TABLE otel.t (n UInt8) ENGINE = MergeTree ORDER BY n",
    "INSERT INTO otel.t VALUES (1), (2)",
  ]) {
    expect(await ask("admin", "s3same", sql)).toEqual([200, ""]);
    for (const [user, password] of [
      ["admin", ""],
      ["admin", "open-sesame"],
      ["default", "s3same"],
      ["readonly", ""],
    ] as const)
      expect((await ask(user, password, sql))[0], `${user}:${password} ${sql}`).not.toBe(200);
  }
  expect(await ask("default", "", "SELECT sum(n) FROM otel.t")).toEqual([200, "3"]);
  expect((await tollgate(["sql", "SELECT sum(n) AS n FROM otel.t", "--json", "--data-dir", dataDir])).stdout).toContain(
    "3",
  );
});

describe("a start that cannot be", () => {
  it("says which port is taken and leaves nothing running", async () => {
    const workspace = await workspaceWith();
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    cleanup.push(() => new Promise((resolve) => blocker.close(resolve)));
    const { port } = blocker.address() as { port: number };
    const file = join(workspace.path, "taken.yaml");
    await writeFile(
      file,
      `receivers: { otlp: { protocols: { http: { endpoint: 127.0.0.1:${port} }, grpc: { endpoint: 127.0.0.1:0 } } } }
api: { endpoint: 127.0.0.1:0 }
storage: { embedded: { endpoint: 127.0.0.1:0 } }
governance: { paths: [./governance] }
`,
    );
    const { code, stderr } = await tollgate(["serve", "--config", file, "--data-dir", workspace.dataDir]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${port}`)]);
    expect(stderr).not.toContain("    at ");
  });

  it("does not share a data directory with a processor that runs", async () => {
    const workspace = await workspaceWith();
    await start(workspace);
    const file = join(workspace.path, "tollgate.yaml");
    const { code, stderr } = await tollgate(["serve", "--config", file, "--data-dir", workspace.dataDir]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/another process|held|locked/);
    expect((await tollgate(["budgets", "--data-dir", workspace.dataDir])).code).toBe(0);
  });
});

function serveInBackground(args: readonly string[]): {
  readonly serving: Promise<unknown>;
  readonly abort: () => void;
} {
  const controller = new AbortController();
  return { serving: tollgate(["serve", ...args], { signal: controller.signal }), abort: () => controller.abort() };
}

async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as T;
  } catch {
    return undefined;
  }
}
