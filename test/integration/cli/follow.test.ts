/**
 * Goal: a session is one story over its traces and agents, and `tail` shows each span once as it comes in, over a restart.
 * Method: a real processor with its engine, spans by OTLP/HTTP, the built command line in processes of its own.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { MAIN_PATH } from "../../../src/demo/paths.ts";
import { ProcessorProcess, type Workspace } from "../../../src/demo/processor-process.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { type FixtureSpan, otlpJson, sendOtlp, SHOP_SPANS } from "../../support/otlp-fixture.ts";
import { type CliResult, tollgate } from "../../support/tollgate-cli.ts";
import { delivered } from "../../support/rig.ts";

const SESSION = "s/1 ünï?";

let workspace: Workspace;
let processor: ProcessorProcess;

beforeAll(async () => {
  workspace = await createWorkspace({ governance: "" });
  processor = await ProcessorProcess.start({ workspace });
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

async function send(
  traceId: string,
  options: { readonly service?: string; readonly session?: string } = {},
): Promise<void> {
  const { service = "shop", session } = options;
  const spans: FixtureSpan[] = SHOP_SPANS.map((span) => ({
    ...span,
    attributes: { ...span.attributes, ...(session === undefined ? {} : { "gen_ai.conversation.id": session }) },
  }));
  const startUnixNano = BigInt(Date.now()) * 1_000_000n;
  const { status } = await sendOtlp(
    processor.endpoints.otlp_http,
    otlpJson({ service, traceId, startUnixNano, spans }),
  );
  expect(status).toBe(200);
}

it("a session is shown over its traces and agents, and found in the list of the latest ones", async () => {
  await send("a1".repeat(16), { session: SESSION });
  await send("a2".repeat(16), { session: SESSION, service: "helper" });
  await send("a3".repeat(16), { session: "another" });
  await delivered({ processor });
  const list = await json<Record<string, unknown>[]>("session", "--agent", "sh?p");
  expect(list).toHaveLength(2);
  expect(list.find(({ session }) => session === SESSION)).toMatchObject({
    agents: ["shop"],
    traces: 1,
    calls: 2,
    unpriced_calls: 1,
    denied: 1,
  });
  const one = await json<{ spans: Record<string, unknown>[] }>("session", SESSION);
  expect(one).toMatchObject({
    session: SESSION,
    cost_usd: "0.007000000",
    unpriced_calls: 2,
    truncated: false,
  });
  expect(new Set(one.spans.map((span) => span["agent"]))).toEqual(new Set(["shop", "helper"]));
  expect(new Set(one.spans.map((span) => span["trace_id"]))).toEqual(new Set(["a1".repeat(16), "a2".repeat(16)]));
  const { stdout } = await run("session", SESSION);
  expect(stdout).toContain("$0.007000000 + 2 unpriced   2 traces");
  expect((await run("session")).stdout).toMatch(/ \$0\.003500000 \+ 1 unpriced /);
  expect(stdout).toContain("deny execute_tool drop_users");
  expect((await run("session", "no-such")).code).toBe(1);
  expect(await json("session", "--agent", "nobody*")).toEqual([]);
});

it("tail shows what comes in after it was called, each span once, over a restart of the processor, until interrupted", async () => {
  await send("b1".repeat(16));
  const env = { ...process.env, TOLLGATE_DATA_DIR: workspace.dataDir };
  const child = spawn(process.execPath, [MAIN_PATH, "tail", "--json", "--decision", "deny"], { env });
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const traces: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    traces.push((JSON.parse(line) as { trace_id: string }).trace_id);
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const until = (what: string, holds: () => boolean): Promise<true> =>
    waitFor(() => Promise.resolve(holds() ? true : undefined), { what, timeoutMs: 60_000 });

  await until("the start", () => complaints.includes("tail: following"));
  await send("c1".repeat(16));
  await until("the span", () => traces.length === 1);
  await processor.stop();
  await until("word of it", () => complaints.includes("trying again"));
  processor = await ProcessorProcess.start({ workspace });
  await until("word of it", () => complaints.split("tail: following").length === 3);
  await send("c2".repeat(16));
  await until("the other span", () => traces.length === 2);
  child.kill("SIGINT");
  expect(await closed).toBe(0);
  expect(traces).toEqual(["c1".repeat(16), "c2".repeat(16)]);
});
