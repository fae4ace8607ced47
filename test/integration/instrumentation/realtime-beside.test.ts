/**
 * What an app does from the listeners of a realtime session's socket: they run in the context in which the socket was opened, and what
 * they send is gated all the same.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { context } from "@opentelemetry/api";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readConfig } from "../../../instrumentation/src/config/config.ts";
import { makeGatedSocket } from "../../../instrumentation/src/realtime/patch-websocket.ts";
import { ProcessContextManager } from "../../../instrumentation/src/telemetry/process-context-manager.ts";
import { hookWire } from "../../../instrumentation/src/wire/hook-wire.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { hookFrameworks } from "../../support/framework-rig.ts";
import { startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import type { RealtimeProvider } from "../../support/realtime-provider.ts";

hookFrameworks();
context.setGlobalContextManager(new ProcessContextManager(readConfig({})).enable());
hookWire({ makeSocket: makeGatedSocket });
const { WebSocket: Packaged } = await import("ws");
// It is built on `ws` too.
const { startRealtimeProvider } = await import("../../support/realtime-provider.ts");

let provider: RealtimeProvider;
let models: Server;
let asked: string[];
let gated: GatedProcess;

beforeEach(async () => {
  // The provider's certificate is its own.
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  provider = await startRealtimeProvider();
  asked = [];
  models = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("{}");
  });
  await new Promise<void>((resolve) => models.listen(0, "127.0.0.1", resolve));
  gated = startGatedProcess({ transport: new MemoryLedger(1n) });
  registerWire(new Wire(gated.gate));
});

afterEach(async () => {
  delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  registerWire(undefined);
  await gated.stop();
  await provider.close();
  await new Promise((resolve) => models.close(resolve));
});

/** A call that no library gates. */
async function ask(): Promise<unknown> {
  const body = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hello" }] });
  const url = `http://127.0.0.1:${(models.address() as AddressInfo).port}/v1/chat/completions`;
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body }).then(
    () => "sent",
    (error: unknown) => error,
  );
}

const address = (): string => `${provider.url.replace("https", "wss")}/v1/realtime?model=gpt-realtime`;

it.each(["open", "message"])("refuses a call from the listener of `%s` of a socket of `ws`", async (event) => {
  const socket = new Packaged(address(), { rejectUnauthorized: false });
  const outcome = await new Promise((resolve) => socket.once(event, () => resolve(ask())));
  expect([outcome, asked]).toEqual([expect.objectContaining({ code: "budget_exceeded" }), []]);
  socket.terminate();
});

it.each(["open", "message"])("refuses a call from the listener of `%s` of Node's own socket", async (event) => {
  const socket = new WebSocket(address());
  const outcome = await new Promise((resolve) => socket.addEventListener(event, () => resolve(ask()), { once: true }));
  expect([outcome, asked]).toEqual([expect.objectContaining({ code: "budget_exceeded" }), []]);
  const ended = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.close();
  await ended;
});

it("refuses a call that is made while a socket of `ws` is still being opened", async () => {
  let outcome: unknown;
  const finishRequest = (request: { end(): void }): void => {
    outcome = ask();
    request.end();
  };
  const socket = new Packaged(address(), { rejectUnauthorized: false, finishRequest });
  await new Promise((resolve) => socket.once("open", resolve));
  socket.terminate();
  expect([await outcome, asked]).toEqual([expect.objectContaining({ code: "budget_exceeded" }), []]);
});
