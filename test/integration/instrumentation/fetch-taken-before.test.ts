/** An app that registers itself runs modules before that, and one of them may have kept Node's `fetch`: what it sends is gated all the same. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { chatCompletion, startScriptedProvider } from "../../support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const CHAT = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 });

it.each<readonly [what: string, before: string]>([
  ["the first thing it sends", ""],
  ["sent after something else", 'await send(url + "/elsewhere", { method: "POST", body: "{}" });'],
  ["sent after somebody asked for the dispatcher", "globalThis[Symbol.for('undici.globalDispatcher.1')];"],
])("a call by a `fetch` that was taken before is gated: %s", async (_what, before) => {
  const provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));
  const source = `
const send = globalThis.fetch;
const url = "${provider.url}";
(async () => {
  require("@tollgate/instrumentation").registerTollgate();
  ${before}
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: ${JSON.stringify(CHAT)} };
  await send(url + "/v1/chat/completions", init).then(() => console.log("sent"), ({ cause }) => console.log(cause.code));
})();`;
  const env = { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: "off", TOLLGATE_BUDGET: "$0.00000001" };
  const child = spawn(process.execPath, ["--eval", source], { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  expect(await text(child.stdout)).toBe("budget_exceeded\n");
  expect(provider.requests.filter(({ path }) => path !== "/elsewhere")).toEqual([]);
  await provider.close();
});

it("leaves the dispatcher to whoever sets one", async () => {
  const source = (registers: string): string => `
${registers}
const symbol = Symbol.for("undici.globalDispatcher.1");
const { EventEmitter } = require("node:events");
const before = globalThis[symbol];
const own = { dispatch: () => true };
globalThis[symbol] = own;
queueMicrotask(() => console.log(before, globalThis[symbol] === own, EventEmitter.init.name));`;
  const run = async (code: string): Promise<string> => {
    const env = { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: "off" };
    const child = spawn(process.execPath, ["--eval", code], { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
    return text(child.stdout);
  };
  const bare = await run(source(""));
  expect(await run(source(`require("@tollgate/instrumentation").registerTollgate();`))).toBe(bare);
});
