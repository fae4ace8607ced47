/**
 * Whole agent processes, registered by `node --import` as users do it, in both module systems: what they spend reaches the
 * processor, and no way of ending loses a span or a report. The processor is a local server that takes what is sent.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startAgentProcessor, type AgentProcessor } from "../../support/agent-processor.ts";
import { chatCompletion, message, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

let provider: ScriptedProvider;
let processor: AgentProcessor;
let folder: string;

beforeEach(async () => {
  provider = await startScriptedProvider(({ path }) => ({
    json: path.endsWith("/v1/messages")
      ? message({ input_tokens: 10, output_tokens: 6 })
      : chatCompletion({ input: 12, output: 5 }),
  }));
  processor = await startAgentProcessor();
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-agent-"));
});

afterEach(async () => {
  await provider.close();
  await processor.close();
  rmSync(folder, { recursive: true });
});

/** Runs `source` as an agent. */
async function runAgent(
  file: string,
  source: string,
  options: {
    readonly env?: Record<string, string>;
    readonly onOutput?: (kill: (signal: NodeJS.Signals) => void) => void;
    readonly isStderrGone?: boolean;
  } = {},
): Promise<Ended> {
  const path = join(folder, file);
  writeFileSync(path, source);
  const child = spawn(process.execPath, ["--import", "@tollgate/instrumentation/register", path], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      PROVIDER: provider.url,
      TOLLGATE_ENDPOINT: processor.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: processor.url,
      OTEL_SERVICE_NAME: "test-agent",
      ...options.env,
    },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += String(chunk);
    options.onOutput?.((signal) => child.kill(signal));
  });
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  if (options.isStderrGone === true) child.stderr.destroy();
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on("close", (...end) => resolve(end));
  });
  return { code, signal, stdout, stderr };
}

const ESM = `import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
`;
const CJS = `const OpenAI = require("openai");
const Anthropic = require("@anthropic-ai/sdk");
`;
const CALLS = `
const messages = [{ role: "user", content: "hi" }];
const openai = new OpenAI({ apiKey: "k", baseURL: process.env.PROVIDER + "/v1", maxRetries: 0 });
const anthropic = new Anthropic({ apiKey: "k", baseURL: process.env.PROVIDER, maxRetries: 0 });
const ask = () => openai.chat.completions.create({ model: "gpt-4o-mini", max_tokens: 50, messages });
const askClaude = () => anthropic.messages.create({ model: "claude-haiku-4-5", max_tokens: 50, messages });
`;
/** 12 and 5 tokens of gpt-4o-mini; 10 and 6 of claude-haiku-4-5. */
const OPENAI_COST = 12n * 150n + 5n * 600n;
const ANTHROPIC_COST = 10n * 1_000n + 6n * 5_000n;

function expectBooks(spent: bigint, spans: number): void {
  // A process that registers late is also told which parts of libraries it can't gate any more.
  const calls = processor.spans.filter((span) => span.attributes["tollgate.probe.unpatched"] === undefined);
  expect(calls).toHaveLength(spans);
  const told = calls.reduce((sum, span) => sum + BigInt(String(span.attributes["tollgate.cost.nano_usd"])), 0n);
  expect(told).toBe(spent);
  expect(processor.ledger.settled).toBe(spent);
  expect(processor.ledger.outstanding).toBe(0n);
}

describe("an agent process", () => {
  it.each([
    ["ESM", "agent.mjs", `${ESM}${CALLS}await ask(); await askClaude();`],
    ["CommonJS", "agent.cjs", `${CJS}${CALLS}ask().then(askClaude);`],
    [
      "an inner path of the package",
      "agent.mjs",
      `import { OpenAI } from "openai/client";${CALLS.replace(/const anthropic.*|const askClaude.*/g, "")}
       const askClaude = ask; await ask(); await askClaude();`,
    ],
  ])("is gated in both SDKs and gives everything back at its end: %s", async (kind, file, source) => {
    const ended = await runAgent(file, source);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expectBooks(kind.startsWith("an inner") ? 2n * OPENAI_COST : OPENAI_COST + ANTHROPIC_COST, 2);
  });

  it.each([
    ["process.exit()", `${ESM}${CALLS}await ask(); process.exit(3);`, 3],
    [
      "its end without a listener",
      `${ESM}${CALLS}await ask(); process.removeAllListeners("exit"); process.removeAllListeners("beforeExit"); process.reallyExit(3);`,
      3,
    ],
    ["an uncaught exception", `${ESM}${CALLS}await ask(); setTimeout(() => { throw new Error("boom"); });`, 1],
    ["an unhandled rejection", `${ESM}${CALLS}await ask(); await Promise.reject(new Error("boom"));`, 1],
  ])("loses neither span nor report by %s, and keeps its exit code", async (_name, source, code) => {
    const ended = await runAgent("agent.mjs", source);
    expect(ended.code).toBe(code);
    expectBooks(OPENAI_COST, 1);
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("flushes on %s and dies by it", async (signal) => {
    const source = `${ESM}${CALLS}await ask(); console.log("done"); setInterval(() => {}, 1000);`;
    const ended = await runAgent("agent.mjs", source, { onOutput: (kill) => kill(signal) });
    expect(ended.signal).toBe(signal);
    expectBooks(OPENAI_COST, 1);
  });

  it("settles a call that is cut off by process.exit() as reserved", async () => {
    const held = Promise.withResolvers<void>();
    const killer = Promise.withResolvers<(signal: NodeJS.Signals) => void>();
    provider.script = () => {
      // The call is under way: now the process ends.
      void killer.promise.then((kill) => kill("SIGUSR2"));
      return { until: held.promise, json: {} };
    };
    const exits = `process.on("SIGUSR2", () => process.exit(0)); console.log("up");`;
    const source = `${ESM}${CALLS}${exits} void ask().catch(() => {}); setInterval(() => {}, 1000);`;
    const ended = await runAgent("agent.mjs", source, { onOutput: killer.resolve });
    held.resolve();
    expect(ended.code).toBe(0);
    const [span] = processor.spans;
    expect(span?.attributes["tollgate.cost.status"]).toBe("estimated");
    expect(span?.attributes["tollgate.cost.nano_usd"]).toBe(span?.attributes["tollgate.reserved.nano_usd"]);
    expect(processor.ledger.outstanding).toBe(0n);
  });

  it("is refused with the typed error when the budget is used up", async () => {
    processor.ledger.limit = 1_000n;
    const ended = await runAgent(
      "agent.mjs",
      `${ESM}${CALLS}try { await ask(); } catch (error) { console.log(error.name, error.code, error.budget); }`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "BudgetExceeded budget_exceeded fleet\n" });
    expect(provider.requests).toHaveLength(0);
  });

  it("fails closed when the processor it was given is not there", async () => {
    await processor.close();
    const ended = await runAgent(
      "agent.mjs",
      `${ESM}${CALLS}try { await ask(); } catch (error) { console.log(error.code); }`,
    );
    expect(ended).toMatchObject({ code: 0, stdout: "gate_unavailable\n" });
    expect(provider.requests).toHaveLength(0);
    processor = await startAgentProcessor();
  });

  it("is gated where its user has no home, as a number that no list of users has", async () => {
    const homeless = `import os from "node:os"; import { syncBuiltinESMExports } from "node:module";
      os.homedir = () => { throw new Error("uv_os_homedir returned ENOENT"); }; syncBuiltinESMExports();`;
    const preload = `--import=data:text/javascript,${encodeURIComponent(homeless)}`;
    const env = { NODE_OPTIONS: preload, TOLLGATE_API_KEY: "key-of-the-test" };
    const ended = await runAgent("agent.mjs", `${ESM}${CALLS}await ask();`, { env });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expectBooks(OPENAI_COST, 1);
  });

  describe("whose Node may not require ES modules", () => {
    const env = { NODE_OPTIONS: "--no-experimental-require-module" };

    it.each([
      [
        "ESM",
        "agent.mjs",
        `import { flush } from "@tollgate/instrumentation";${ESM}${CALLS}await ask(); await askClaude(); await flush();`,
      ],
      ["CommonJS", "agent.cjs", `${CJS}${CALLS}ask().then(askClaude);`],
    ])("is gated: %s", async (_kind, file, source) => {
      const ended = await runAgent(file, source, { env });
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      expectBooks(OPENAI_COST + ANTHROPIC_COST, 2);
    });

    it("is flushed before it is killed", async () => {
      const source = `import { flush } from "@tollgate/instrumentation";${ESM}${CALLS}
        await ask(); await flush(); process.kill(process.pid, "SIGKILL");`;
      expect(await runAgent("agent.mjs", source, { env })).toMatchObject({ signal: "SIGKILL", stderr: "" });
      expectBooks(OPENAI_COST, 1);
    });

    it("is told which option to remove by what the app calls itself", async () => {
      const source = `import { guardTool } from "@tollgate/instrumentation";
        try { guardTool("t", () => 1); } catch (error) { console.log(error.code, error.message); }`;
      const ended = await runAgent("agent.mjs", source, { env });
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      expect(ended.stdout).toMatch(/^config_invalid .*`--no-require-module`.*remove it\n$/);
    });
  });

  it("goes unchecked, with one warning, when no processor was ever set up", async () => {
    const env = {
      TOLLGATE_ENDPOINT: "",
      OTEL_EXPORTER_OTLP_ENDPOINT: "",
      OTEL_TRACES_EXPORTER: "none",
      TOLLGATE_TEST: "1",
    };
    const ended = await runAgent("agent.mjs", `${ESM}${CALLS}await ask(); await ask(); console.log("ok");`, { env });
    expect(ended.stdout).toBe("ok\n");
    expect(ended.stderr.match(/calls go unchecked/g)).toHaveLength(1);
  });

  it("sends nothing in a listener of `exit` that is not on record", async () => {
    const source = `import http from "node:http";
${ESM}${CALLS}const begun = http.request(openai.baseURL + "/chat/completions", { method: "POST", headers: { "content-type": "application/json" } });
begun.on("error", () => {}).flushHeaders();
await new Promise((resolve) => begun.once("socket", (socket) => socket.once("connect", resolve)));
process.on("exit", () => { begun.end(JSON.stringify({ model: "gpt-4o-mini", max_tokens: 50, messages })); ask().catch(() => {}); }).exit(0);`;
    expect(await runAgent("agent.mjs", source)).toMatchObject({ code: 0, stderr: "" });
    const told = BigInt(String(processor.spans[0]?.attributes["tollgate.cost.nano_usd"]));
    expect(told).toBeGreaterThanOrEqual(OPENAI_COST * BigInt(provider.requests.length));
    expectBooks(told, 1);
  });

  it("refuses calls when a setting is wrong, and names variable and value", async () => {
    const source = `${ESM}${CALLS}try { await ask(); } catch (error) { console.log(error.code); }`;
    // A header that can't be sent ended the process as it sent its last words.
    const env = { TOLLGATE_BUDGET: "5abc", TOLLGATE_API_KEY: "two\nlines", TOLLGATE_BUGDET: "$1" };
    const ended = await runAgent("agent.mjs", source, { env });
    expect(ended).toMatchObject({ code: 0, stdout: "config_invalid\n" });
    expect(ended.stderr).toContain("TOLLGATE_BUDGET: `5abc`");
    expect(ended.stderr).toContain("TOLLGATE_API_KEY: it has characters that no header can hold");
    expect(ended.stderr).toContain("is `TOLLGATE_BUDGET` meant?");
    expect(provider.requests).toHaveLength(0);
  });

  it("does not start a second OpenTelemetry SDK beside the app's, and keeps every audit span", async () => {
    const source = `import { trace } from "@opentelemetry/api";
import { AlwaysOffSampler, TracerProvider } from "@opentelemetry/sdk-trace";
const own = new TracerProvider({ sampler: new AlwaysOffSampler() });
console.log(trace.setGlobalTracerProvider(own), trace.getTracerProvider().getDelegate() === own);
${ESM}${CALLS}await ask();`;
    const ended = await runAgent("agent.mjs", source);
    expect(ended).toMatchObject({ code: 0, stdout: "true true\n" });
    expectBooks(OPENAI_COST, 1);
  });

  it("gives a process without an SDK one, so that the app's own spans arrive and trace context travels on", async () => {
    const source = `import { propagation, ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import { registerTollgate } from "@tollgate/instrumentation";
${ESM}${CALLS}
const early = trace.getTracer("app").startSpan("early");
early.end();
await registerTollgate().ready;
await trace.getTracer("app").startActiveSpan("own", async (span) => {
  const carrier = {};
  propagation.inject(context.active(), carrier);
  console.log(carrier.traceparent.split("-")[1] === span.spanContext().traceId);
  await ask();
  span.end();
});`;
    const ended = await runAgent("agent.mjs", source);
    expect(ended).toMatchObject({ code: 0, stdout: "true\n", stderr: "" });
    expect(processor.spans.map(({ name }) => name).toSorted()).toEqual(["chat gpt-4o-mini", "early", "own"]);
  });

  it.each([
    ["at once", ""],
    ["later", `import { registerTollgate } from "@tollgate/instrumentation"; await registerTollgate().ready;`],
  ])(
    "gives the global place to an SDK that the app starts %s, and keeps its own spans out of it",
    async (_when, wait) => {
      const source = `import { trace } from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
${wait}
const ended = [];
const own = { onStart() {}, onEnd: ({ name }) => ended.push(name), forceFlush: async () => {}, shutdown: async () => {} };
new NodeSDK({ spanProcessors: [own], metricReaders: [], logRecordProcessors: [] }).start();
${ESM}${CALLS}
await trace.getTracer("app").startActiveSpan("own", async (span) => { await ask(); span.end(); });
console.log(ended.join());`;
      const ended = await runAgent("agent.mjs", source);
      expect(ended).toMatchObject({ code: 0, stdout: "own\n", stderr: "" });
      expectBooks(OPENAI_COST, 1);
    },
  );

  it("gives the global place to an SDK that a CommonJS app starts", async () => {
    const source = `const { trace } = require("@opentelemetry/api");
const { NodeSDK } = require("@opentelemetry/sdk-node");
const ended = [];
const own = { onStart() {}, onEnd: ({ name }) => ended.push(name), forceFlush: async () => {}, shutdown: async () => {} };
new NodeSDK({ spanProcessors: [own], metricReaders: [], logRecordProcessors: [] }).start();
${CJS}${CALLS}
trace.getTracer("app").startActiveSpan("own", async (span) => { await ask(); span.end(); console.log(ended.join()); });`;
    const ended = await runAgent("agent.cjs", source);
    expect(ended).toMatchObject({ code: 0, stdout: "own\n", stderr: "" });
    expectBooks(OPENAI_COST, 1);
  });

  it("patches what was loaded before registerTollgate() was called", async () => {
    const source = `${ESM}import { registerTollgate } from "@tollgate/instrumentation";
${CALLS}await registerTollgate().ready; await ask();`;
    const path = join(folder, "late.mjs");
    writeFileSync(path, source);
    const child = spawn(process.execPath, [path], {
      cwd: ROOT,
      stdio: "ignore",
      env: {
        PATH: process.env["PATH"],
        PROVIDER: provider.url,
        TOLLGATE_ENDPOINT: processor.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: processor.url,
      },
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(0);
    expectBooks(OPENAI_COST, 1);
  });
});

describe("an agent whose standard error nobody reads", () => {
  const LOADS_GATE = 'import "openai";';
  const SOME_TURNS = "for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);";
  // The unknown level is told at the start.
  const options = { env: { TOLLGATE_LOG: "nonsense" }, isStderrGone: true };

  it("does not end because Tollgate had something to say", async () => {
    const { code, stdout } = await runAgent("agent.mjs", `${LOADS_GATE} ${SOME_TURNS} console.log("alive");`, options);
    expect([code, stdout]).toEqual([0, "alive\n"]);
  });

  it("ends by its own line, as it would without Tollgate", async () => {
    const source = `${LOADS_GATE} ${SOME_TURNS} process.stderr.write("mine"); ${SOME_TURNS} console.log("alive");`;
    const { code, stdout } = await runAgent("agent.mjs", source, options);
    expect([code, stdout]).toEqual([1, ""]);
  });
});

describe("a signal that someone else listens to", () => {
  const WAITS = 'console.log("up"); setInterval(() => {}, 60_000);';
  // As `signal-exit` has it: who finds nobody else lets the signal do its work.
  const ALONE = `const alone = () => {
    if (process.listeners("SIGTERM").length > 1) return;
    process.removeListener("SIGTERM", alone);
    process.kill(process.pid, "SIGTERM");
  };
  process.on("SIGTERM", alone);`;

  it.each([
    ["by the SDK of agents, which counts the listeners", 'await import("@openai/agents");', 0, null],
    ["by a package that ends it when it listens alone", ALONE, null, "SIGTERM"],
    ["by nobody any more", 'const none = () => {}; process.on("SIGTERM", none).off("SIGTERM", none);', null, "SIGTERM"],
    [
      "by one that was there once",
      'process.once("SIGTERM", () => process.kill(process.pid, "SIGTERM"));',
      null,
      "SIGTERM",
    ],
  ] as const)(
    "ends the process as it would without Tollgate, and says what it did: %s",
    async (_who, before, code, signal) => {
      const source = `${ESM}${CALLS}${before} await ask(); ${WAITS}`;
      const ended = await runAgent("agent.mjs", source, { onOutput: (kill) => kill("SIGTERM") });
      expect([ended.code, ended.signal]).toEqual([code, signal]);
      expectBooks(OPENAI_COST, 1);
    },
  );

  it("is counted as it would be without Tollgate", async () => {
    const source = `${ESM}const mine = () => {}; process.on("SIGTERM", mine); await null;
console.log(process.listenerCount("SIGTERM"), process.listeners("SIGTERM")[0] === mine);`;
    expect((await runAgent("agent.mjs", source)).stdout).toBe("1 true\n");
  });
});
