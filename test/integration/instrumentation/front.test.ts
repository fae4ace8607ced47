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

const PRELOAD = ["--import", "@tollgate/instrumentation/register"];
const IN_APP = { preload: [] };

/** What an agent prints that is registered by its start, or else by itself. */
async function print(
  name: string,
  source: string,
  { preload = PRELOAD, budget = "$0.000001" }: { readonly preload?: readonly string[]; readonly budget?: string } = {},
): Promise<readonly string[]> {
  const file = join(folder, name);
  writeFileSync(file, source);
  const inherited = Object.entries(process.env).filter(([key]) => !/^(?:TOLLGATE|OTEL)_/.test(key));
  const child = spawn(process.execPath, [...preload, file], {
    cwd: folder,
    env: {
      ...Object.fromEntries(inherited),
      TOLLGATE_ENDPOINT: "off",
      TOLLGATE_BUDGET: budget,
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

const DOORS = [
  ["a known library, ESM", "a.mjs", 'await import("openai");'],
  ["a known library, CommonJS", "b.cjs", 'require("openai");'],
  ["OpenTelemetry", "c.mjs", 'await import("@opentelemetry/api");'],
  ["a child process", "e.cjs", 'require("node:child_process").spawnSync("true");'],
  ["a child, asynchronously", "f.cjs", 'require("node:child_process").spawn("true");'],
  ["a thread", "g.cjs", 'new (require("node:worker_threads").Worker)("0", { eval: true });'],
  ["a request of node:http", "h.cjs", 'require("node:http").get(process.env.URL, (response) => response.resume());'],
  [
    "a session of node:http2",
    "l.cjs",
    'require("node:http2").connect(process.env.URL).on("error", () => {}).destroy();',
  ],
  [
    "bytes to a provider",
    "m.cjs",
    `process.env.TOLLGATE_PROVIDERS = "openai=" + process.env.URL;
    const socket = require("node:net").connect(new URL(process.env.URL).port, "127.0.0.1");
    socket.on("error", () => {}).write("x");
    socket.destroy();`,
  ],
  ["a request of fetch", "i.mjs", "await fetch(process.env.URL);"],
  ["a socket", "j.mjs", `await ${failed("WebSocket")};`],
  ["a socket by another name", "k.mjs", `await ${failed('process.getBuiltinModule("http").WebSocket')};`],
] as const;

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

  it("loads nothing for sockets that lead to no provider, and refuses the first bytes to one", async () => {
    const source = `
      import { once } from "node:events";
      import { connect } from "node:net";
      import { connect as connectTls } from "node:tls";
      const { port } = new URL(process.env.URL);
      const bytes = "POST /v1/chat/completions HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n";
      const other = connect(port, "127.0.0.1");
      other.resume().end("GET / HTTP/1.0\\r\\n\\r\\n");
      await once(other, "close");
      console.log(${IS_LOADED});
      process.env.TOLLGATE_PROVIDERS = "openai=" + process.env.URL;
      process.env.TOLLGATE_UNKNOWN_EGRESS = "deny";
      const socket = connect(port, "127.0.0.1");
      socket.end(bytes);
      const [error] = await once(socket, "error").catch((error) => [error]);
      console.log(error.code);
      const tunnelled = connectTls({ socket: connect(port, "localhost"), servername: "api.openai.com" });
      tunnelled.write(bytes);
      tunnelled.once("error", (error) => { console.log(error.code); process.exit(); });`;
    const before = provider.requests.length;
    expect(await print("bytes.mjs", source)).toEqual(["false", "egress_denied", "egress_denied"]);
    expect(provider.requests.length - before).toBe(1);
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

  it.each([...DOORS, ["this package", "d.mjs", 'await import("@tollgate/instrumentation");'] as const])(
    "loads the gate for %s",
    async (_what, name, source) => {
      expect(await print(name, `console.log(${IS_LOADED}); ${source} console.log(${IS_LOADED});`)).toEqual([
        "false",
        "true",
      ]);
    },
  );

  it("holds its first call, whoever took `fetch` before", async () => {
    const body = '{"model":"gpt-4o-mini","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}';
    const call = `taken(process.env.URL + "/v1/chat/completions", { method: "POST", body: '${body}' })`;
    const source = `const taken = fetch; try { await ${call}; console.log("sent"); } catch (error) { console.log(error.code); }`;
    const before = provider.requests.length;
    expect(await print("first.mjs", source)).toEqual(["budget_exceeded"]);
    expect(provider.requests).toHaveLength(before);
  });

  it("charges both of two requests that a client's own fetch sends side by side", async () => {
    const source = `import OpenAI from "openai";
      const twice = async (url, init) => (await Promise.all([fetch(url, init), fetch(url, init)]))[0];
      const client = new OpenAI({ apiKey: "x", baseURL: process.env.URL + "/v1", maxRetries: 0, fetch: twice });
      const call = { model: "gpt-4o-mini", max_tokens: 1, messages: [{ role: "user", content: "hi" }] };
      await client.chat.completions.create(call).then(() => console.log("answered"), (error) => console.log(error.code ?? error.cause?.code));`;
    const before = provider.requests.length;
    // Enough for one.
    expect(await print("hedged.mjs", source, { budget: "$0.000050" })).toEqual(["budget_exceeded"]);
    expect(provider.requests.length - before).toBe(1);
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

describe("an app that registers itself", () => {
  const ESM = 'import { registerTollgate } from "@tollgate/instrumentation";';
  const CJS = 'const { registerTollgate } = require("@tollgate/instrumentation"); registerTollgate();';
  const HAS_UNDICI = 'globalThis[Symbol.for("undici.globalDispatcher.1")] !== undefined';
  const CALL = `fetch(process.env.URL + "/v1/chat/completions", { method: "POST",
    body: '{"model":"gpt-4o-mini","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}' })`;
  const register = (name: string): string => (name.endsWith(".cjs") ? CJS : `${ESM} await registerTollgate().ready;`);
  const printOwn = (name: string, source: string): Promise<readonly string[]> =>
    print(`own-${name}`, `${register(name)} ${source}`, IN_APP);

  it.each(["idle.mjs", "idle.cjs"])("loads nothing of the gate while it needs none of it: %s", async (name) => {
    expect(await printOwn(name, `setTimeout(() => console.log(${IS_LOADED}, ${HAS_UNDICI}));`)).toEqual([
      "false false",
    ]);
  });

  it.each([
    ...DOORS,
    ["another entry of this package", "d.mjs", 'await import("@tollgate/instrumentation/policy");'] as const,
  ])("loads the gate for %s", async (_what, name, source) => {
    expect(await printOwn(name, `console.log(${IS_LOADED}); ${source} console.log(${IS_LOADED});`)).toEqual([
      "false",
      "true",
    ]);
  });

  it("holds a call that is made in the same turn, and one of a library that was imported before", async () => {
    const before = provider.requests.length;
    const tell = ".catch((error) => console.log(error.code))";
    expect(await print("turn.mjs", `${ESM} registerTollgate(); await ${CALL}${tell};`, IN_APP)).toEqual([
      "budget_exceeded",
    ]);
    const sdk = `new OpenAI({ apiKey: "x", baseURL: process.env.URL + "/v1" }).chat.completions.create({ model: "gpt-4o-mini",
      max_tokens: 50, messages: [{ role: "user", content: "hi" }] })`;
    const source = `${ESM} import OpenAI from "openai"; await registerTollgate().ready; console.log(${IS_LOADED}); await ${sdk}${tell};`;
    expect(await print("before.mjs", source, IN_APP)).toEqual(["true", "budget_exceeded"]);
    expect(provider.requests).toHaveLength(before);
  });

  it("loads the gate while the modules of the app wait for their turn, among them some of this package", async () => {
    const first = `import { createRequire } from "node:module"; ${ESM}
      createRequire(import.meta.url)("openai"); registerTollgate();`;
    writeFileSync(join(folder, "first.mjs"), first);
    const source = `import "./first.mjs"; import { decide } from "@tollgate/instrumentation/policy";
      import { withContext } from "@tollgate/instrumentation"; console.log(typeof decide, ${IS_LOADED}, withContext({}, () => 1));`;
    expect(await print("graph.mjs", source, IN_APP)).toEqual(["function true 1"]);
  });

  it("knows http2 that was loaded before, and leaves a socket class of the app's own alone", async () => {
    const before = `const http2 = require("node:http2"); class Own {} globalThis.WebSocket = Own;`;
    const source = `${before} ${CJS} console.log(WebSocket === Own, ${IS_LOADED});
      http2.connect(process.env.URL).on("error", () => {}).destroy(); console.log(WebSocket === Own, ${IS_LOADED});`;
    expect(await print("http2.cjs", source, IN_APP)).toEqual(["true false", "true true"]);
  });

  it("gives each name as the whole package gives it", async () => {
    const source = `
      import * as light from "@tollgate/instrumentation";
      import { createRequire } from "node:module";
      const { Policy, withContext, guard, guardTool, flush, registerTollgate } = light;
      await flush();
      console.log(${IS_LOADED});
      class Mine extends Policy { own() { return this.check("db_read_x").decision; } }
      const mine = new Mine({ allow: ["db_read_*"] });
      console.log(mine.own(), mine instanceof Mine, mine instanceof Policy, Policy.template("email") instanceof Policy);
      console.log(withContext({ session: "s" }, () => 7), await guardTool("free", async () => 8)());
      try { guard({}, { budget: "$1" }); } catch (error) { console.log(error instanceof light.ConfigInvalid); }
      const whole = await import(createRequire(import.meta.url).resolve("@tollgate/instrumentation").replace("entry.js", "index.js"));
      console.log(Object.keys(whole).filter((name) => typeof whole[name] !== typeof light[name]).join() || "same",
        Object.keys(light).length - Object.keys(whole).length);`;
    expect(await print("names.mjs", source, IN_APP)).toEqual([
      "false",
      "allow true true true",
      "7 8",
      "true",
      "same 0",
    ]);
  });
});
