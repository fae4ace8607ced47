/**
 * Goal: the command line answers as docs and scripts rely on: row keys, amounts, exit codes.
 * Method: a real processor with its engine, spans by OTLP/HTTP, questions by the built command line in processes of its own.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessorProcess, type Workspace } from "../../../src/demo/processor-process.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { otlpJson, sendOtlp, TRACE_ID } from "../../support/otlp-fixture.ts";
import { delivered } from "../../support/rig.ts";
import { type CliResult, tollgate } from "../../support/tollgate-cli.ts";

const GOVERNANCE = `
kind: budget
name: fleet
scope: { team: checkout }
limit: $1.00
window: lifetime
---
kind: budget
name: tokens
each: agent
limit: 1000000 tokens
window: lifetime
---
kind: agent
name: shop
team: checkout
owner: payments
`;

const START_UNIX_NANO = BigInt(Date.now() - 60_000) * 1_000_000n + 123_456_789n;

let workspace: Workspace;
let processor: ProcessorProcess;

beforeAll(async () => {
  workspace = await createWorkspace({ governance: GOVERNANCE });
  processor = await ProcessorProcess.start({ workspace });
  const body = otlpJson({ startUnixNano: START_UNIX_NANO, resource: { team: "claimed", region: "eu" } });
  // Twice: an OTLP client may send again what was taken.
  for (let i = 0; i < 2; i++) {
    const { status } = await sendOtlp(processor.endpoints.otlp_http, body);
    if (status !== 200) throw new Error(`OTLP was answered ${status}`);
  }
  await delivered({ processor });
});

afterAll(async () => {
  await processor.stop();
  await workspace.remove();
});

const run = (...args: string[]): Promise<CliResult> => tollgate([...args, "--data-dir", workspace.dataDir]);

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...args, "--json");
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as T;
}

describe("spend", () => {
  it("adds up by any labels, the registry's and the resource's, exactly and each span once", async () => {
    expect(await json("spend", "--by", "agent,team,owner,model,region")).toEqual([
      {
        agent: "shop",
        team: "checkout",
        owner: "payments",
        model: "gpt-4o",
        region: "eu",
        cost_usd: "0.003500000",
        calls: 1,
        input_tokens: 1_000,
        output_tokens: 100,
        unpriced_calls: 0,
      },
      {
        agent: "shop",
        team: "checkout",
        owner: "payments",
        model: "no-such-model",
        region: "eu",
        cost_usd: "0.000000000",
        calls: 1,
        input_tokens: 1_000,
        output_tokens: 100,
        unpriced_calls: 1,
      },
    ]);
  });

  it("shows people no sum that leaves out what has no price", async () => {
    const { stdout } = await run("spend", "--by", "model");
    expect(stdout).toMatch(/^no-such-model +1 unpriced +1 /m);
    expect(stdout).toMatch(/^gpt-4o +\$0\.003500000 +1 /m);
    expect(stdout).toContain("kind: prices");
    expect((await run("spend", "--by", "agent")).stdout).toMatch(/^shop +\$0\.003500000 \+ 1 unpriced +2 /m);
  });

  it("keeps to its window", async () => {
    expect(await json("spend", "--by", "agent", "--since", "10s")).toEqual([]);
    expect(await json("spend", "--by", "agent", "--since", "1h", "--until", "0s")).toHaveLength(1);
  });
});

it("budgets shows the ledger's rows, in dollars and in the budget's own measure", async () => {
  const rows = await json<Record<string, unknown>[]>("budgets");
  expect(rows.find((row) => row["name"] === "fleet")).toEqual({
    name: "fleet",
    scope: { team: "checkout" },
    window_start: null,
    window_end: null,
    measure: "usd",
    limit: "1000000000",
    carried: "0",
    raises: [],
    settled: "3500000",
    gated: "0",
    observed: "3500000",
    reserved: "0",
    remaining: "996500000",
    limit_usd: "1.000000000",
    settled_usd: "0.003500000",
    gated_usd: "0.000000000",
    observed_usd: "0.003500000",
    reserved_usd: "0.000000000",
    remaining_usd: "0.996500000",
    mode: "hard",
    past: "counted",
    closed_until: null,
    state: "ok",
    exhausted_at: null,
    reconciliation: expect.objectContaining({ difference: "0", difference_usd: "0.000000000", reason: "none" }),
    age_ms: 0,
  });
  expect(rows.find((row) => row["name"] === "tokens")).toMatchObject({
    scope: { agent: "shop" },
    measure: "tokens",
    settled: "2200",
    limit_usd: null,
  });
});

describe("traces", () => {
  it("lists a trace with figures over all its spans", async () => {
    const [row] = await json<Record<string, unknown>[]>("traces");
    expect(row).toMatchObject({
      trace_id: TRACE_ID,
      name: "invoke_agent shop",
      agent: "shop",
      spans: 4,
      calls: 2,
      cost_usd: "0.003500000",
      unpriced_calls: 1,
      denied: 1,
      errors: 1,
    });
    expect((await run("traces")).stdout).toMatch(/ \$0\.003500000 \+ 1 unpriced +1 +1$/m);
    expect(String(row?.["start"])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}456789Z$/);
  });

  it.each([
    [["--agent", "shop"], 1],
    [["--agent", "other"], 0],
    [["--agent", "sh*"], 1],
    [["--agent", "s?op"], 1],
    [["--agent", "s_op"], 0],
    [["--agent", "%"], 0],
    [["--min-cost", "0.0035"], 1],
    [["--min-cost", "0.003500001"], 0],
    [["--decision", "deny"], 1],
    [["--decision", "forbid"], 0],
    [["--error"], 1],
    [["--since", "1h", "--until", "30m"], 0],
    [["--where", "model = 'gpt-4o' AND cost_usd > 0.001"], 1],
    [["--where", "tool LIKE 'drop%' AND decision != 'deny'"], 0],
    [["--agent", "shop' OR '1'='1"], 0],
  ])("filters by %j", async (filters, count) => {
    expect(await json("traces", ...filters)).toHaveLength(count);
  });

  it.each([
    "1) OR (1",
    "1; SELECT 1",
    "agent IN (SELECT name FROM system.users)",
    "colour = 1",
    "url('http://x') = ''",
  ])("refuses --where %s with exit code 2", async (where) => {
    expect((await run("traces", "--where", where)).code).toBe(2);
  });

  it.each([
    ["cost > 1", "nothing is named `cost`; columns are those of the view `spans`"],
    ["agent ~ 'x'", "no expression of ClickHouse's from `~` on"],
  ])("traces --where says what it can't read in %s, and nothing of the query around it", async (where, what) => {
    const { code, stderr } = await run("traces", "--where", where);
    expect([code, stderr]).toEqual([2, expect.stringContaining(what)]);
    expect(stderr).not.toContain("SELECT");
  });
});

it("trace shows all spans with their attributes, and a tree for people", async () => {
  const trace = await json<{ cost_usd: string; spans: Record<string, unknown>[] }>("trace", TRACE_ID.toUpperCase());
  expect(Object.keys(trace)).toEqual(["trace_id", "cost_usd", "unpriced_calls", "spans"]);
  expect(trace.cost_usd).toBe("0.003500000");
  expect(trace.spans.map((span) => span["name"])).toEqual([
    "invoke_agent shop",
    "chat gpt-4o",
    "chat no-such-model",
    "execute_tool drop_users",
  ]);
  expect(trace.spans[1]).toMatchObject({
    span_id: "eee19b7ec3c1b171",
    parent_span_id: "eee19b7ec3c1b170",
    kind: "client",
    duration_ms: 1.5,
    status: "unset",
    status_message: "",
    agent: "shop",
    model: "gpt-4o",
    cost_usd: "0.003500000",
    decision: "",
    attributes: { "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": "1000" },
  });
  const { stdout } = await run("trace", TRACE_ID);
  expect(stdout).toMatch(/^invoke_agent shop .*\n {2}chat gpt-4o .*\$0\.003500000/m);
  expect(stdout).toMatch(/^trace [0-9a-f]{32} {3}\$0\.003500000 \+ 1 unpriced {3}4 spans/m);
  expect(stdout).toMatch(/^ {2}chat no-such-model .* unpriced /m);
  expect(stdout).toMatch(/^deny execute_tool drop_users \([0-9a-f]{16}\): `drop_users` matches `drop_\*`/m);
});

describe("sql", () => {
  it("prints JSON lines, and a table for people", async () => {
    const query = "SELECT model, cost_usd FROM llm_calls ORDER BY model";
    const { stdout } = await run("sql", query, "--json");
    const models = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { model: string }).model);
    expect(models).toEqual(["gpt-4o", "no-such-model"]);
    expect((await run("sql", query)).stdout).toBe("model          cost_usd\ngpt-4o         0.0035\nno-such-model  0\n");
  });

  it.each(["DROP TABLE span_log", "INSERT INTO span_log SELECT * FROM span_log", "SET readonly = 0", "SELEC 1"])(
    "refuses %s with exit code 2 and without a stack",
    async (query) => {
      const { code, stderr } = await run("sql", query);
      expect(code).toBe(2);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    },
  );
});

it("status says what it has seen", async () => {
  expect(await json("status")).toMatchObject({
    ready: true,
    endpoints: { otlp_http: processor.endpoints.otlp_http, api: processor.endpoints.api },
    storage: { kind: "embedded", ready: true, database: "tollgate" },
    spans: { stored: 4, refused: 0, in_flight: 0 },
    governance: { budgets: 2, policies: 0, agents: 1 },
    warnings: [],
  });
});

it("budget states reach ClickHouse without anyone asking", async () => {
  const text = await waitFor(
    async () => {
      const query = "SELECT settled_usd FROM budgets_now WHERE name = 'fleet' AND settled > 0";
      const { stdout } = await run("sql", query, "--json");
      return stdout === "" ? undefined : stdout;
    },
    { what: "the budget's state", timeoutMs: 60_000 },
  );
  expect(JSON.parse(text)).toEqual({ settled_usd: 0.0035 });
});

describe("exit codes", () => {
  it("are 3 with what to start when nothing answers, also for a port that nobody listens on", async () => {
    const nowhere = await mkdtemp(join(tmpdir(), "tollgate-none-"));
    for (const args of [
      ["sql", "SELECT 1"],
      ["budgets", "--api", "http://127.0.0.1:9"],
    ]) {
      const { code, stderr } = await tollgate([...args, "--data-dir", nowhere]);
      expect([code, stderr]).toEqual([3, expect.stringContaining("npx tollgate serve")]);
    }
    await rm(nowhere, { recursive: true });
  });

  it("are 2 for bad usage", async () => {
    for (const args of [
      ["spend"],
      ["nonsense"],
      ["trace", "xyz"],
      ["spend", "--by", "agent", "--since", "5abc"],
      ["spend", "--by", "agent", "--since", "1h", "--until", "2h"],
      ["spend", "--by", "agent", "--window", "day", "--since", "1h"],
      // An unset variable in a script.
      ["trace", ""],
      ["session", ""],
      ["session", ".."],
      ["incident", "show", ""],
      ["approvals", "show", ""],
      ["traces", "--decision", "maybe"],
    ]) {
      expect([args, (await run(...args)).code]).toEqual([args, 2]);
    }
  });

  it("are 1 for a trace that is not there, and 2 for a wrong token", async () => {
    expect((await run("trace", "0".repeat(32))).code).toBe(1);
    const { code, stderr } = await tollgate(["budgets", "--api", processor.endpoints.api], {
      env: { TOLLGATE_TOKEN: "x" },
    });
    expect([code, stderr]).toEqual([2, expect.stringContaining("token")]);
  });

  it("are 2 for bad config, with every problem on a line of its own", async () => {
    const file = join(workspace.path, "bad.yaml");
    await writeFile(file, "api: { endpoint: nowhere }\nledgr: {}\ngovernance: { paths: [./governance] }\n");
    const { code, stderr } = await tollgate(["config", "validate", file]);
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toEqual([
      expect.stringContaining("bad.yaml:1:8: api.endpoint: "),
      expect.stringContaining("bad.yaml:2:1: ledgr: unknown key"),
    ]);
    expect((await tollgate(["serve", "--config", file])).code).toBe(2);
  });
});

it("kill says that nobody is meant by a name with a slip in it", async () => {
  const { code, stdout } = await run("kill", "agent=shopp", "--reason", "runs wild");
  expect([code, stdout]).toEqual([0, expect.stringContaining("no process that is known matches")]);
  expect((await run("resume", "agent=shopp")).code).toBe(0);
});

it("no line for people says that something cost nothing", async () => {
  for (const args of [["traces"], ["spend", "--by", "agent,model"], ["session"], ["agents"], ["trace", TRACE_ID]]) {
    expect((await run(...args)).stdout, args.join(" ")).not.toMatch(/\$0\.0+(?!\d)/);
  }
});

// Last: the processor that it leaves behind is closed.
it("sql needs a password from the moment on in which there is a tenant, and finds it", async () => {
  const asked = async (): Promise<number> => {
    const headers = { "x-clickhouse-user": "default", "x-clickhouse-key": "" };
    return (await fetch(processor.endpoints.clickhouse, { method: "POST", headers, body: "SELECT 1" })).status;
  };
  expect(await asked()).toBe(200);
  await json("agents", "issue", "acme-bot", "--tenant", "acme");
  await waitFor(async () => ((await asked()) === 403 ? true : undefined), { what: "a refusal", timeoutMs: 60_000 });
  expect(await json("sql", "SELECT 1 AS one")).toEqual({ one: 1 });
});
