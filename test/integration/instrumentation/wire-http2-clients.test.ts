/**
 * HTTP/2 as clients speak it, over TLS: `node:http2`, undici with `allowH2`, its `fetch`, axios. Which version carries a call makes no
 * difference to what holds: one span and one reservation for each answer, and a body that was refused never comes to the provider.
 */
import { once } from "node:events";
import { connect, constants, createSecureServer } from "node:http2";
import type { Http2SecureServer, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import axios from "axios";
import type { AxiosRequestConfig } from "axios";
import { Agent, fetch as undiciFetch, request as undiciRequest } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { LocalPurse } from "../../../instrumentation/src/lease/purse.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { createAuthority } from "../../support/certificates.ts";
import { startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, chatEvents } from "../../support/scripted-provider.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 };
const USAGE = { input: 12, output: 5 };
/** 12 and 5 tokens of gpt-4o-mini. */
const COST = 12 * 150 + 5 * 600;
const PATH = "/v1/chat/completions";
const HEADERS = { "content-type": "application/json" };

type Answer = (stream: ServerHttp2Stream, body: string) => void;

const authority = createAuthority("tests");
let server: Http2SecureServer;
let url: string;
let bodies: string[];
let answer: Answer;
let gated: GatedProcess;
let dispatcher: Agent;

const whole: Answer = (stream, body) => {
  const isStreamed = body.includes('"stream":true');
  stream.respond({ ":status": 200, "content-type": isStreamed ? "text/event-stream" : "application/json" });
  const events = chatEvents(["hel", "lo"], USAGE).map((event) => `data: ${JSON.stringify(event)}\n\n`);
  stream.end(isStreamed ? events.join("") : JSON.stringify(chatCompletion(USAGE)));
};

useWireHooks();

beforeAll(async () => {
  patchDispatcherOf(new Agent());
  server = createSecureServer(authority.issue("localhost"));
  server.on("stream", (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders) => {
    stream.on("error", () => {});
    text(stream).then(
      (body) => {
        if (stream.destroyed) return;
        bodies.push(body);
        answer(stream, body);
      },
      () => {},
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => void server.close());

beforeEach(() => {
  bodies = [];
  answer = whole;
  dispatcher = new Agent({ allowH2: true, connect: { ca: authority.cert } });
});

afterEach(async () => {
  registerWire(undefined);
  await dispatcher.destroy();
  await gated.stop();
});

function start(env: Readonly<Record<string, string>> = {}): void {
  gated = startGatedProcess({ env: { TOLLGATE_BUDGET: "$1", TOLLGATE_PROVIDERS: `openai=${url}`, ...env } });
  registerWire(new Wire(gated.gate));
}

/** Behind a ledger that has so much. */
function startFleet(nanoUsd: bigint): MemoryLedger {
  const ledger = new MemoryLedger(nanoUsd);
  const env = {
    TOLLGATE_API_KEY: "key",
    TOLLGATE_ENDPOINT: "http://127.0.0.1:1",
    TOLLGATE_PROVIDERS: `openai=${url}`,
  };
  gated = startGatedProcess({ env, transport: ledger });
  registerWire(new Wire(gated.gate));
  return ledger;
}

type Send = (body: object) => Promise<string>;

const CLIENTS: Readonly<Record<string, Send>> = {
  async "node:http2"(body) {
    const session = connect(url, { ca: authority.cert });
    session.on("error", () => {});
    try {
      const stream = session.request({ ":method": "POST", ":path": PATH, ...HEADERS });
      stream.end(JSON.stringify(body));
      return await text(stream);
    } finally {
      session.destroy();
    }
  },
  async "undici.request"(body) {
    const init = { method: "POST", headers: HEADERS, body: JSON.stringify(body), dispatcher } as const;
    return (await undiciRequest(url + PATH, init)).body.text();
  },
  async "undici.fetch"(body) {
    const init = { method: "POST", headers: HEADERS, body: JSON.stringify(body), dispatcher };
    return (await undiciFetch(url + PATH, init)).text();
  },
  async axios(body) {
    // Its types know of no options of TLS there.
    const http2 = { httpVersion: 2, http2Options: { ca: authority.cert } } as AxiosRequestConfig;
    const { data } = await axios.post<string>(url + PATH, body, { responseType: "text", ...http2 });
    return data;
  },
};

const each = Object.entries(CLIENTS);
/** What the gate can still change of the request before it leaves. */
const changed = each.filter(([name]) => name !== "node:http2" && name !== "axios");

function told(name: string): unknown {
  return gated.spans()[0]?.attributes[name];
}

async function refusal(send: Send): Promise<string | undefined> {
  return findTollgateError(await send(CHAT).catch((error: unknown) => error))?.code;
}

describe("a call over HTTP/2", () => {
  it.each(each)("is charged what the provider billed: %s", async (_name, send) => {
    const ledger = startFleet(10n ** 9n);
    expect(JSON.parse(await send(CHAT))).toEqual(chatCompletion(USAGE));
    expect(bodies).toHaveLength(1);
    expect(gated.spans()).toHaveLength(1);
    expect([told("tollgate.cost.nano_usd"), told("tollgate.cost.status")]).toEqual([COST, "exact"]);
    await gated.gate.leases?.close();
    expect(ledger.settled).toBe(BigInt(COST));
  });

  it.each(each)("is not sent when the ledger has too little for it: %s", async (_name, send) => {
    startFleet(10n);
    expect(await refusal(send)).toBe("budget_exceeded");
    expect(bodies).toEqual([]);
    expect(told("tollgate.decision")).toBe("deny");
  });

  it.each(each)("is not sent when the budget ends between two: %s", async (_name, send) => {
    start();
    await send(CHAT);
    const [purse] = gated.gate.purses({});
    if (purse instanceof LocalPurse) purse.record(purse.limit);
    expect(await refusal(send)).toBe("budget_exceeded");
    expect(bodies).toHaveLength(1);
  });

  it.each(each)("is read as a stream: %s", async (_name, send) => {
    start();
    expect(await send({ ...CHAT, stream: true })).toContain('"content":"lo"');
    await expect.poll(() => gated.spans().length).toBe(1);
    expect(Number(told("tollgate.cost.nano_usd"))).toBeGreaterThanOrEqual(COST);
  });

  it.each(changed)("is asked for its usage where it streams, which the app does not see: %s", async (_name, send) => {
    start();
    expect(await send({ ...CHAT, stream: true })).not.toContain("usage");
    expect(JSON.parse(bodies[0] ?? "")).toMatchObject({ stream_options: { include_usage: true } });
    expect([told("tollgate.cost.nano_usd"), told("tollgate.cost.status")]).toEqual([COST, "exact"]);
  });

  // What the app hears of it is its client's: `node:http2` ends the answer, and axios says nothing at all.
  it.each(each)("counts as reserved when its connection goes away behind its body: %s", async (_name, send) => {
    start();
    answer = ({ session }) => {
      session?.goaway(constants.NGHTTP2_NO_ERROR);
      session?.destroy();
    };
    void send(CHAT).catch(() => {});
    await expect.poll(() => gated.spans().length).toBe(1);
    expect(told("tollgate.cost.status")).toBe("estimated");
    expect(Number(told("tollgate.cost.nano_usd"))).toBeGreaterThanOrEqual(COST);
  });

  it.each(each)("is answered and charged once by a connection that says goodbye before: %s", async (_name, send) => {
    start();
    answer = (stream, body) => {
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
      whole(stream, body);
    };
    expect(await send(CHAT)).toContain("hello");
    expect(await send(CHAT)).toContain("hello");
    const costs = gated.spans().map(({ attributes }) => attributes["tollgate.cost.nano_usd"]);
    expect(costs).toEqual(bodies.map(() => COST));
  });
});
