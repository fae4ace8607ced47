/**
 * Bytes that reach a known provider without a request that the gate sees: written to sockets by hand, by undici in a bundle, or by the methods
 * of another class. They are told, or refused, as `unknown_egress` says; requests that are seen are never taken for such.
 */
import http, { Agent as HttpAgent, createServer, OutgoingMessage } from "node:http";
import type { Server } from "node:http";
import { createServer as createTlsServer, request as requestHttps } from "node:https";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect, createServer as createTunnel } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { createRequire } from "node:module";
import { connect as connectTls } from "node:tls";
import OpenAI from "openai";
import type * as Undici from "undici";
import { Agent, request as requestUndici } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { createAuthority } from "../../support/certificates.ts";
import { startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const BODY = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 });
const BYTES = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\nConnection: close\r\n\r\n${BODY}`;
const ANSWER = JSON.stringify({ usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 } });

const require = createRequire(import.meta.url);
const certificate = createAuthority("test").issue("localhost");
let plain: Server;
let secure: Server;
let gated: GatedProcess;
let arrived: string[];

useWireHooks();

beforeEach(async () => {
  arrived = [];
  const onRequest: http.RequestListener = (request, response) => {
    arrived.push(`${request.method} ${request.url}`);
    request.resume().once("end", () => response.setHeader("content-type", "application/json").end(ANSWER));
  };
  plain = createServer(onRequest);
  secure = createTlsServer(certificate, onRequest);
  for (const server of [plain, secure]) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  for (const server of [plain, secure]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

function start(egress: "observe" | "deny", servers: readonly { address(): unknown }[] = [plain, secure]): void {
  const providers = servers.map((server) => `openai=http://127.0.0.1:${portOf(server)}`).join(",");
  gated = startGatedProcess({ env: { TOLLGATE_PROVIDERS: providers, TOLLGATE_UNKNOWN_EGRESS: egress } });
  registerWire(new Wire(gated.gate));
}

/** Resolves with the error, or once all was answered. */
function over(socket: Socket, write: () => void): Promise<unknown> {
  return new Promise((resolve) => {
    socket.once("error", resolve).once("end", () => resolve("answered"));
    socket.resume();
    write();
  });
}

const port = (): number => portOf(plain);
const tlsOptions = () => ({ host: "127.0.0.1", port: portOf(secure), rejectUnauthorized: false });

const BY_HAND: Readonly<Record<string, () => Promise<unknown>>> = {
  "net.connect, by options": () => {
    const socket = connect({ host: "127.0.0.1", port: port() });
    return over(socket, () => socket.write(BYTES));
  },
  "net.connect, by a port and a host": () => {
    const socket = connect(port(), "127.0.0.1");
    return over(socket, () => socket.end(BYTES));
  },
  "in pieces, corked": () => {
    const socket = connect(port(), "127.0.0.1");
    return over(socket, () => {
      socket.cork();
      socket.write(BYTES.slice(0, 9));
      socket.write(BYTES.slice(9));
      socket.uncork();
    });
  },
  "tls.connect": () => {
    const socket = connectTls(tlsOptions());
    return over(socket, () => socket.write(BYTES));
  },
  "tls.connect to an address, by the provider's name": () => {
    const socket = connectTls({ ...tlsOptions(), servername: "api.openai.com" });
    return over(socket, () => socket.write(BYTES));
  },
  "tls.connect over a socket of one's own, by the provider's name": async () => {
    // To the tunnel, which is nobody's that is known.
    let through: Socket | undefined;
    const tunnel = createTunnel((from) => {
      through = from;
      const to = connect(portOf(secure), "localhost");
      from.pipe(to).pipe(from);
      from.on("error", () => to.destroy());
      to.on("error", () => from.destroy());
    });
    await new Promise<void>((resolve) => tunnel.listen(0, "127.0.0.1", resolve));
    const below = connect(portOf(tunnel), "127.0.0.1");
    const socket = connectTls({ socket: below, servername: "api.openai.com", rejectUnauthorized: false });
    const said = await over(socket, () => socket.write(BYTES));
    for (const one of [socket, below, through]) one?.destroy();
    await new Promise((resolve) => tunnel.close(resolve));
    return said;
  },
  "a copy of undici that nobody patched": async () => {
    const { Agent: Unseen, request } = secondUndici();
    const dispatcher = new Unseen();
    const post = { method: "POST", body: BODY, dispatcher } as const;
    const said = await request(`http://127.0.0.1:${port()}/v1/chat/completions`, post).then(
      ({ body }) => body.text().then(() => "answered"),
      (error: unknown) => error,
    );
    await dispatcher.close();
    return said;
  },
  "`end` of another class": () =>
    new Promise((resolve) => {
      const path = "/v1/chat/completions";
      const request = http.request({ host: "127.0.0.1", port: port(), method: "POST", path });
      request.once("error", resolve).once("response", (response) => {
        response.resume().once("end", () => resolve("answered"));
      });
      OutgoingMessage.prototype.end.call(request, BODY, "utf8", () => {});
    }),
  "the socket of a request that is never sent": () =>
    new Promise((resolve) => {
      const request = http.request({ host: "127.0.0.1", port: port(), agent: false });
      request.once("error", resolve).once("socket", (socket: Socket) => {
        socket.once("close", () => resolve("answered"));
        socket.write(BYTES);
      });
      request.once("response", (response) => response.resume());
    }),
};

/** A second copy, as one in a bundle is. */
function secondUndici(): typeof Undici {
  const { cache } = require;
  const isItsFile = (path: string): boolean => path.includes("/undici/");
  const kept = Object.entries(cache).filter(([path]) => isItsFile(path));
  const forget = (): void => {
    for (const path of Object.keys(cache).filter(isItsFile)) Reflect.deleteProperty(cache, path);
  };
  forget();
  const copy = require("undici") as typeof Undici;
  forget();
  Object.assign(cache, Object.fromEntries(kept));
  return copy;
}

describe.each(Object.entries(BY_HAND))("%s", (_name, send) => {
  it("is refused where unknown egress is", async () => {
    start("deny");
    expect(findTollgateError(await send())?.code).toBe("egress_denied");
    expect(arrived).toEqual([]);
    expect(gated.spans().map(({ attributes }) => attributes["tollgate.decision"])).toEqual(["deny"]);
  });

  it("is told where unknown egress is observed, and goes as it is", async () => {
    start("observe");
    expect(await send()).toBe("answered");
    expect(arrived).toEqual(["POST /v1/chat/completions"]);
    const [told, ...more] = gated.spans();
    expect(more).toEqual([]);
    expect(told?.attributes).toMatchObject({
      "tollgate.decision": "allow",
      "tollgate.decision.rule": "unknown_egress: observe",
      "tollgate.decision.reason": expect.stringContaining("no request") as string,
    });
  });

  it("is refused, whatever the setting, where the agent is killed", async () => {
    start("observe");
    const act = { id: "1", act: "kill" as const, selector: "*", reason: "why", author: "me", at: "" };
    gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [act] });
    expect(findTollgateError(await send())?.code).toBe("agent_killed");
    expect(arrived).toEqual([]);
  });
});

const POST = { method: "POST", body: BODY, headers: { "content-type": "application/json" } };

async function sendHttp(options: http.RequestOptions): Promise<unknown> {
  return new Promise((resolve) => {
    const make = options.protocol === "https:" ? requestHttps : http.request;
    const sent = make({ host: "127.0.0.1", method: "POST", path: "/v1/chat/completions", ...options }, (response) => {
      response.resume().once("end", () => resolve("answered"));
    });
    sent.once("error", resolve);
    sent.write(BODY.slice(0, 9));
    sent.end(BODY.slice(9));
  });
}

const kept = new HttpAgent({ keepAlive: true, maxSockets: 1 });

const SEEN: Readonly<Record<string, () => Promise<unknown>>> = {
  fetch: async () => (await fetch(`http://127.0.0.1:${port()}/v1/chat/completions`, POST)).text(),
  undici: async () => {
    const dispatcher = new Agent();
    patchDispatcherOf(dispatcher);
    const { body } = await requestUndici(`http://127.0.0.1:${port()}/v1/chat/completions`, {
      ...POST,
      dispatcher,
    } as never);
    await body.text();
    await dispatcher.close();
  },
  "node:http": () => sendHttp({ port: port() }),
  "node:http, two by one socket": async () => {
    await Promise.all([sendHttp({ port: port(), agent: kept }), sendHttp({ port: port(), agent: kept })]);
    kept.destroy();
  },
  "node:http, what costs nothing": () => sendHttp({ port: port(), path: "/v1/files" }),
  "node:http, a connection of one's own": () =>
    sendHttp({ port: port(), createConnection: () => connect(port(), "127.0.0.1") }),
  "node:https": () => sendHttp({ protocol: "https:", port: portOf(secure), rejectUnauthorized: false } as never),
  "node:https to an address, by the provider's name": () =>
    sendHttp({
      protocol: "https:",
      port: portOf(secure),
      servername: "api.openai.com",
      rejectUnauthorized: false,
    } as never),
};

it.each(Object.entries(SEEN))("a request that is seen is none of them: %s", async (name, send) => {
  start("deny");
  await send();
  const count = name.includes("two") ? 2 : 1;
  expect(arrived).toHaveLength(count);
  expect(gated.spans().filter((span) => span.name.startsWith("egress"))).toEqual([]);
});

it("frames of a WebSocket whose opening was seen go", async () => {
  const sockets = new WebSocketServer({ server: plain });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  start("deny");
  const socket = new WebSocket(`ws://127.0.0.1:${port()}/v1/agents/live?model=gpt-4o-mini`);
  const echoed = new Promise((resolve, reject) => {
    socket.once("error", reject).once("message", (data) => resolve((data as Buffer).toString()));
  });
  socket.once("open", () => socket.send("hello"));
  expect(await echoed).toBe("hello");
  socket.terminate();
  sockets.close();
});

it.each([
  ["127.0.0.1:*", "egress_denied"],
  ["CONNECT 127.0.0.1:*", undefined],
])("an agent's list with `%s` on it: %s", async (entry, code) => {
  const ledger = new MemoryLedger(10n ** 11n);
  ledger.egress = { allow: [entry], unknown: "deny" };
  const env = { TOLLGATE_PROVIDERS: `openai=http://127.0.0.1:${port()}` };
  gated = startGatedProcess({ env, transport: ledger });
  registerWire(new Wire(gated.gate));
  // The first bytes wait for the fleet's word.
  const socket = connect(port(), "127.0.0.1");
  const said = await over(socket, () => socket.write(BYTES));
  expect(findTollgateError(said)?.code).toBe(code);
  expect(arrived).toHaveLength(code === undefined ? 1 : 0);
});

it("a gated call goes by a client that nobody patched", async () => {
  start("deny");
  const { Agent: Unseen, fetch: send } = secondUndici();
  const dispatcher = new Unseen();
  const unseen = (input: string, init: RequestInit): Promise<unknown> =>
    send(input, { ...init, dispatcher } as Undici.RequestInit);
  const client = new OpenAI({
    apiKey: "x",
    baseURL: `http://127.0.0.1:${port()}/v1`,
    fetch: unseen as typeof fetch,
    maxRetries: 0,
  });
  const messages = [{ role: "user" as const, content: "hi" }];
  await client.chat.completions.create({ model: "gpt-4o-mini", messages, max_tokens: 50 });
  await dispatcher.close();
  expect(arrived).toEqual(["POST /v1/chat/completions"]);
  expect(gated.spans().map(({ attributes }) => attributes["tollgate.decision"])).not.toContain("deny");
  expect(gated.spans()).toHaveLength(1);
});

it("frames of HTTP/2 go", async () => {
  const server = createHttp2Server((_request, response) => response.end(ANSWER));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  start("deny", [server]);
  const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
  const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions" });
  const status = new Promise((resolve, reject) => {
    stream.once("response", (headers) => resolve(headers[":status"])).once("error", reject);
  });
  stream.resume().end(BODY);
  expect(await status).toBe(200);
  session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

it("a socket that a seen request has done with is anybody's again", async () => {
  start("deny");
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  let socket: Socket | undefined;
  agent.once("free", (free: Socket) => (socket = free));
  await sendHttp({ port: port(), agent });
  expect(arrived).toHaveLength(1);
  await expect.poll(() => socket).toBeDefined();
  const refused = new Promise((resolve) => socket?.once("error", resolve));
  socket?.write(BYTES);
  expect(findTollgateError(await refused)?.code).toBe("egress_denied");
  expect(arrived).toHaveLength(1);
  agent.destroy();
});

it("other hosts' sockets are nobody's business", async () => {
  start("deny", []);
  const socket = connect(port(), "127.0.0.1");
  expect(await over(socket, () => socket.write(BYTES))).toBe("answered");
  expect(gated.spans()).toEqual([]);
});
