/** What a registered process loads, and when: nothing of the gate until something needs it, and then all of it before that goes on. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRealtimeProvider } from "../../support/realtime-provider.ts";
import { chatCompletion, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
/** Whether the gate is loaded, as `tollgate doctor` sees it. */
const IS_LOADED = 'globalThis[Symbol.for("tollgate.probe")] !== undefined';

let folder: string;
let provider: ScriptedProvider;

beforeAll(async () => {
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-front-"));
  provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await provider.close();
});

/** What a registered agent prints. */
async function print(name: string, source: string): Promise<readonly string[]> {
  const file = join(folder, name);
  writeFileSync(file, source);
  const inherited = Object.entries(process.env).filter(([key]) => !/^(?:TOLLGATE|OTEL)_/.test(key));
  const child = spawn(process.execPath, ["--import", "@tollgate/instrumentation/register", file], {
    cwd: folder,
    env: {
      ...Object.fromEntries(inherited),
      TOLLGATE_ENDPOINT: "off",
      TOLLGATE_BUDGET: "$0.000001",
      URL: provider.url,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  await new Promise((resolve) => child.once("close", resolve));
  return out.trim().split("\n");
}

const failed = (socket: string): string =>
  `new Promise((resolve) => (new (${socket})(process.env.URL).onerror = resolve))`;

describe("a registered process", () => {
  it("loads nothing of the gate while it needs none of it", async () => {
    expect(await print("idle.mjs", `import "node:http"; import "node:fs"; console.log(${IS_LOADED});`)).toEqual([
      "false",
    ]);
    // Nor Node's own undici, which takes tens of milliseconds.
    const hasUndici = 'globalThis[Symbol.for("undici.globalDispatcher.1")] !== undefined';
    const isNodes = 'WebSocket === require("node:http").WebSocket && WebSocket.name';
    expect(await print("idle.cjs", `console.log(${hasUndici}); console.log(${isNodes}, ${hasUndici});`)).toEqual([
      "false",
      "WebSocket true",
    ]);
  });

  it("reads patterns of letters and stars without a parser: the first kill finds nothing to load", async () => {
    const source = `
      import { createRequire } from "node:module";
      import { Policy } from "@tollgate/instrumentation";
      const isThere = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes("micromatch"));
      new Policy({ name: "plain", allow: ["db_read_*", "*.list"] });
      console.log(isThere());
      new Policy({ name: "other", allow: ["db_[a-z]*"] });
      console.log(isThere());`;
    expect(await print("globs.mjs", source)).toEqual(["false", "true"]);
  });

  it.each([
    ["a known library, ESM", "a.mjs", 'await import("openai");'],
    ["a known library, CommonJS", "b.cjs", 'require("openai");'],
    ["OpenTelemetry", "c.mjs", 'await import("@opentelemetry/api");'],
    ["this package", "d.mjs", 'await import("@tollgate/instrumentation");'],
    ["a child process", "e.cjs", 'require("node:child_process").spawnSync("true");'],
    ["a child, asynchronously", "f.cjs", 'require("node:child_process").spawn("true");'],
    ["a thread", "g.cjs", 'new (require("node:worker_threads").Worker)("0", { eval: true });'],
    ["a request of node:http", "h.cjs", 'require("node:http").get(process.env.URL, (response) => response.resume());'],
    ["a request of fetch", "i.mjs", "await fetch(process.env.URL);"],
    ["a socket", "j.mjs", `await ${failed("WebSocket")};`],
    ["a socket by another name", "k.mjs", `await ${failed('process.getBuiltinModule("http").WebSocket')};`],
  ])("loads the gate for %s", async (_what, name, source) => {
    expect(await print(name, `console.log(${IS_LOADED}); ${source} console.log(${IS_LOADED});`)).toEqual([
      "false",
      "true",
    ]);
  });

  it("holds its first call, whoever took `fetch` before", async () => {
    const body = '{"model":"gpt-4o-mini","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}';
    const call = `taken(process.env.URL + "/v1/chat/completions", { method: "POST", body: '${body}' })`;
    const source = `const taken = fetch; try { await ${call}; console.log("sent"); } catch (error) { console.log(error.code); }`;
    const before = provider.requests.length;
    expect(await print("first.mjs", source)).toEqual(["budget_exceeded"]);
    expect(provider.requests).toHaveLength(before);
  });

  it("holds what Node's own socket asks of a realtime session, which is no call in itself", async () => {
    const realtime = await startRealtimeProvider();
    const source = `
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
      process.removeAllListeners("warning");
      const socket = new WebSocket("${realtime.url.replace("https", "wss")}/v1/realtime?model=gpt-realtime");
      socket.onmessage = ({ data }) => {
        const { type, error } = JSON.parse(data);
        console.log(error?.code ?? type);
        if (type === "session.created") socket.send('{"type":"response.create"}');
        else socket.close();
      };`;
    expect(await print("realtime.cjs", source)).toEqual(["session.created", "budget_exceeded"]);
    expect(realtime.received).toEqual([]);
    await realtime.close();
  });

  it("gates libraries that are loaded at once with everything else", async () => {
    const source = `
      const [{ default: OpenAI }, { trace }, { guard }] = await Promise.all([
        import("openai"), import("@opentelemetry/api"), import("@tollgate/instrumentation"), import("micromatch"),
      ]);
      const client = new OpenAI({ apiKey: "x", baseURL: process.env.URL + "/v1", maxRetries: 0 });
      const call = { model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content: "hi" }] };
      await client.chat.completions.create(call).catch((error) => console.log(error.code, typeof guard, typeof trace));`;
    expect(await print("all.mjs", source)).toEqual(["budget_exceeded function object"]);
  });
});
