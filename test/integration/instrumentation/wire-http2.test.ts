/**
 * HTTP/2 and sockets, which no library's patch has seen: a call of a model is gated as it is sent, what a budget or a list of endpoints
 * does not let through has no body at the provider, and a socket that nobody can read is refused where a limit has to be held.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import http2, { connect } from "node:http2";
import type { ClientHttp2Stream, Http2Server } from "node:http2";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { hookWire } from "../../../instrumentation/src/wire/hook-wire.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { LocalPurse } from "../../../instrumentation/src/lease/purse.ts";
import type { StopAct, StopList } from "../../../instrumentation/src/protocol.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { chatCompletion, chatEvents } from "../../support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 };
/** 12 and 5 tokens of gpt-4o-mini. */
const COST = 12 * 150 + 5 * 600;

let server: Http2Server;
let url: string;
let bodies: string[];
/** As they come in, before any body does. */
let paths: string[];
let gated: GatedProcess;

beforeAll(() => hookWire());

beforeEach(async () => {
  bodies = [];
  paths = [];
  server = http2.createServer({ settings: { enableConnectProtocol: true } });
  server.on("stream", (stream, headers) => {
    paths.push(String(headers[":path"]));
    if (headers[":method"] === "CONNECT") {
      stream.respond({ ":status": 200 });
      return;
    }
    text(stream).then(
      (body) => {
        bodies.push(body);
        const isStreamed = body.includes('"stream":true');
        stream.respond({ ":status": 200, "content-type": isStreamed ? "text/event-stream" : "application/json" });
        const events = chatEvents(["a", "b"], { input: 12, output: 5 }).map(
          (event) => `data: ${JSON.stringify(event)}\n\n`,
        );
        stream.end(isStreamed ? events.join("") : JSON.stringify(chatCompletion({ input: 12, output: 5 })));
      },
      () => {},
    );
    stream.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  server.close();
});

function start(env: Readonly<Record<string, string>> = {}): void {
  gated = startGatedProcess({ env: { TOLLGATE_BUDGET: "$1", ...env } });
  registerWire(new Wire(gated.gate));
}

/** Of the process's own budget. */
function spendAll(): void {
  const [purse] = gated.gate.purses({});
  if (purse instanceof LocalPurse) purse.record(purse.limit);
}

/** In pieces, as a stream would be piped into it. */
async function post(path: string, body: object): Promise<string> {
  const session = connect(url);
  try {
    // Until then nothing leaves anyway.
    await once(session, "connect");
    const json = JSON.stringify(body);
    const headers = { ":method": "POST", ":path": path, "content-type": "application/json" };
    const stream: ClientHttp2Stream = session.request({ ...headers, "content-length": Buffer.byteLength(json) });
    stream.write(json.slice(0, 10));
    stream.end(json.slice(10));
    return await text(stream);
  } finally {
    session.close();
  }
}

describe("a request of node:http2", () => {
  it("is charged what the provider billed, and the app gets its answer as it came", async () => {
    start();
    expect(JSON.parse(await post("/v1/chat/completions", CHAT))).toEqual(chatCompletion({ input: 12, output: 5 }));
    expect(bodies).toEqual([JSON.stringify(CHAT)]);
    const [span] = gated.spans();
    expect(span?.attributes).toMatchObject({
      "tollgate.wire": "http2",
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": COST,
      "gen_ai.request.model": "gpt-4o-mini",
    });
  });

  it("is read as a stream", async () => {
    start();
    expect(await post("/v1/chat/completions", { ...CHAT, stream: true })).toContain("data: ");
    await expect.poll(() => gated.spans().length).toBe(1);
    expect(Number(gated.spans()[0]?.attributes["tollgate.cost.nano_usd"])).toBeGreaterThanOrEqual(COST);
  });

  it("has no body at the provider when the budget does not cover it", async () => {
    start({ TOLLGATE_BUDGET: "$0.00000001" });
    const end: unknown = await post("/v1/chat/completions", CHAT).catch((error: unknown) => error);
    expect(findTollgateError(end)?.code).toBe("budget_exceeded");
    expect(bodies).toEqual([]);
    expect(gated.spans()[0]?.attributes["tollgate.decision"]).toBe("deny");
  });

  const PATH = "/v1/chat/completions";
  const known = (): Readonly<Record<string, string>> => ({ TOLLGATE_PROVIDERS: `openai=${url}` });
  const act = (kind: "kill" | "pause", more: Partial<StopAct> = {}): StopList => ({
    epoch: "e",
    revision: 1,
    acts: [
      { id: "s", act: kind, selector: "agent=*", reason: "loops", author: "ada", at: "2026-11-22T00:00:00Z", ...more },
    ],
  });
  it.each<readonly [code: string, stand: () => void]>([
    ["agent_killed", () => void gated.gate.stops.onStops(act("kill"))],
    ["agent_paused", () => void gated.gate.stops.onStops(act("pause"))],
    ["approval_required", () => void gated.gate.stops.onStops(act("pause", { asks: "approval" }))],
    ["config_invalid", () => {}],
    ["budget_exceeded", spendAll],
  ])("sends no header to a known provider where nothing can be sent: %s", async (code, stand) => {
    start({ ...known(), ...(code === "config_invalid" && { TOLLGATE_FAIL_MODE: "ajar" }) });
    stand();
    const end: unknown = await post(PATH, CHAT).catch((error: unknown) => error);
    expect(findTollgateError(end)?.code).toBe(code);
    // By then what was sent before has come.
    registerWire(undefined);
    await post("/after", {});
    expect(paths).toEqual(["/after"]);
    const told = gated.spans().map(({ attributes }) => [attributes["tollgate.decision"], attributes["tollgate.wire"]]);
    expect(told).toEqual([["deny", "http2"]]);
  });

  it("sends what may be no call of a model, whoever is stopped", async () => {
    start();
    gated.gate.stops.onStops(act("kill"));
    await post(PATH, { a: 1 });
    expect(bodies).toEqual(['{"a":1}']);
  });

  it.each([{}, { endStream: true }])(
    "is not whole there before its verdict, where its headers are all of it: %j",
    async (options) => {
      const ledger = new MemoryLedger(10n ** 9n);
      ledger.egress = { unknown: "deny", allow: [] };
      const hello = ledger.hello.bind(ledger);
      const seen = once(server, "stream");
      ledger.hello = async (request) => {
        await seen;
        return hello(request);
      };
      const env = { TOLLGATE_API_KEY: "key", TOLLGATE_ENDPOINT: "http://127.0.0.1:1" };
      gated = startGatedProcess({ env, transport: ledger });
      registerWire(new Wire(gated.gate));
      const session = connect(url);
      const end: unknown = await text(session.request({ ":path": "/elsewhere" }, options)).catch(
        (error: unknown) => error,
      );
      session.close();
      expect([findTollgateError(end)?.code, bodies]).toEqual(["egress_denied", []]);
    },
  );

  it("has the headers that it has without the gate", async () => {
    const send = async (): Promise<unknown> => {
      const session = connect(url);
      const stream = session.request({ ":path": "/v1/models" });
      await text(stream);
      session.close();
      return { ...stream.sentHeaders };
    };
    start({ TOLLGATE_UNKNOWN_EGRESS: "observe" });
    const held = await send();
    registerWire(undefined);
    expect(held).toEqual(await send());
  });

  it("is a call of the provider that it names, wherever its session leads", async () => {
    start({ TOLLGATE_PROVIDERS: "openai=https://llm.corp.test" });
    const session = connect(url);
    const stream = session.request({ ":method": "POST", ":path": "/v1/future", ":authority": "llm.corp.test" });
    stream.end("{}");
    const end: unknown = await text(stream).catch((error: unknown) => error);
    session.close();
    expect([findTollgateError(end)?.code, bodies]).toEqual(["unpriced_model", []]);
  });

  it("opens a socket that nobody can read only where no limit has to be held", async () => {
    const open = async (): Promise<string> => {
      const session = connect(url);
      await once(session, "remoteSettings");
      const opening = { ":method": "CONNECT", ":protocol": "websocket", ":path": "/v1/sockets" };
      const stream = session.request(opening);
      const [end] = (await Promise.race([once(stream, "response"), once(stream, "close").then(() => ["closed"])]).catch(
        (error: unknown) => [findTollgateError(error)?.code],
      )) as [unknown];
      stream.on("error", () => {});
      stream.destroy();
      session.close();
      return typeof end === "string" ? end : "open";
    };
    start(known());
    expect(await open()).toBe("unpriced_model");
    registerWire(undefined);
    expect(await open()).toBe("open");
  });

  it("goes by the list of endpoints when it is no call of a model", async () => {
    start({ TOLLGATE_UNKNOWN_EGRESS: "deny" });
    const end: unknown = await post("/elsewhere", { a: 1 }).catch((error: unknown) => error);
    expect(findTollgateError(end)?.code).toBe("egress_denied");
    registerWire(undefined);
    expect(await post("/elsewhere", { a: 1 })).not.toBe("");
  });
});

it("a process refuses an HTTP/2 call that is the first thing it sends, and a socket, before anything is sent", async () => {
  start();
  const seen: string[] = [];
  const provider = createServer();
  provider.on("upgrade", (_request, socket) => {
    seen.push("upgrade");
    socket.destroy();
  });
  provider.listen(0, "127.0.0.1");
  await once(provider, "listening");
  const host = `127.0.0.1:${(provider.address() as AddressInfo).port}`;
  const source = `
import { connect } from "node:http2";
const session = connect("${url}");
const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json" });
stream.end(${JSON.stringify(JSON.stringify(CHAT))});
const ends = [await new Promise((resolve) => stream.on("error", ({ code }) => resolve(code)))];
session.close();
const socket = new WebSocket("ws://${host}/v1/responses");
ends.push(await new Promise((resolve) => { socket.onopen = () => resolve("open"); socket.onerror = () => resolve("refused"); }));
console.log(ends.join());`;
  const args = ["--import", "@tollgate/instrumentation/register", "--input-type=module", "--eval", source];
  const env = {
    PATH: process.env["PATH"],
    TOLLGATE_ENDPOINT: "off",
    TOLLGATE_BUDGET: "$0.00000001",
    TOLLGATE_PROVIDERS: `openai=http://${host}`,
  };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  expect(await text(child.stdout)).toBe("budget_exceeded,refused\n");
  expect([seen, bodies]).toEqual([[], []]);
  provider.close();
});

/** Who holds what the module gave out before the gate was there: a function, or a session that is open. */
it.each(["its `connect`", "a session"])("a process that registers itself gates what already holds %s", async (held) => {
  start();
  const source = `
const { connect } = require("node:http2");
const before = ${held === "a session" ? `connect("${url}")` : "undefined"};
require("@tollgate/instrumentation").registerTollgate();
const session = before ?? connect("${url}");
const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json" });
stream.end(${JSON.stringify(JSON.stringify(CHAT))});
stream.on("error", ({ code }) => console.log(code));
stream.on("close", () => session.close());
stream.resume();`;
  const env = { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: "off", TOLLGATE_BUDGET: "$0.00000001" };
  const child = spawn(process.execPath, ["--eval", source], { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  expect(await text(child.stdout)).toBe("budget_exceeded\n");
  expect(bodies).toEqual([]);
});
