/**
 * Goal: nobody can tell by an answer which way it came.
 * Method: each request is sent twice over a real port, once as agents send it and once with a slash at the end, which only
 * the framework takes; status, headers and body must be the same, for answers and for every kind of refusal.
 */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rig as createRig, type Rig } from "../../unit/api/rig.ts";

const PROCESS = "0123456789abcdef0123456789abcdef";
const ZERO = { nano_usd: "0", tokens: "0", calls: "0" };

let rig: Rig;
let port: number;
const agent = new Agent({ keepAlive: true });
beforeAll(async () => {
  rig = createRig();
  port = await rig.api.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  agent.destroy();
  await rig.api.close();
});

interface Sent {
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send({ path, body, headers = {} }: Sent) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = httpRequest(
    {
      host: "127.0.0.1",
      port,
      path,
      method: "POST",
      agent,
      headers: { "content-type": "application/json", ...headers },
    },
    resolve,
  ).on("error", reject);
  sent.end(body);
  const response = await promise;
  const { date: _date, ...answered } = response.headers;
  return { status: response.statusCode, headers: answered, body: await text(response) };
}

const RESERVATION = { agent: "a", labels: { team: "checkout" }, estimate_usd: "0.25" };

/** Writes the pieces as they are, each when the one before was taken; resolves to what came back when it has `answers` of them. */
async function raw(pieces: readonly string[], answers: number): Promise<string> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true).setEncoding("latin1");
  let received = "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  socket.on("data", (chunk: string) => {
    received += chunk;
    if (received.split("HTTP/1.1 ").length > answers) resolve(received);
  });
  socket.on("error", reject).on("end", () => resolve(received));
  for (const piece of pieces) {
    await new Promise((written) => socket.write(piece, written));
    // A turn of the server's loop: it lives in this process, so the pieces do not come as one.
    await new Promise((turn) => setTimeout(turn, 5));
  }
  const text = await promise;
  socket.destroy();
  return text;
}

function plain(body: string, head = ""): string {
  return `POST /v1/reservations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${head}\r\n${body}`;
}

describe("an answer to a route that agents ask often", () => {
  it.each<[string, Sent]>([
    [
      "money that is set aside",
      { path: "/v1/reservations", body: JSON.stringify(RESERVATION), headers: { "idempotency-key": "k" } },
    ],
    ["a body that the schema refuses", { path: "/v1/reservations", body: '{"agent":"a","lables":{}}' }],
    ["a body that is no JSON", { path: "/v1/reservations", body: '{"agent":' }],
    ["a body that poisons prototypes", { path: "/v1/reservations", body: '{"agent":"a","__proto__":{"x":1}}' }],
    ["an escaped poison", { path: "/v1/reservations", body: '{"agent":"a","\\u005f_proto__":{"x":1}}' }],
    [
      "a label that is called like a poison",
      {
        path: "/v1/reservations",
        body: JSON.stringify({ ...RESERVATION, labels: { of: "constructor" } }),
        headers: { "idempotency-key": "c" },
      },
    ],
    ["no body", { path: "/v1/reservations", body: "" }],
    ["a body that is no object", { path: "/v1/reservations", body: "null" }],
    ["another type", { path: "/v1/reservations", body: "x", headers: { "content-type": "text/plain" } }],
    [
      "a body of a form",
      { path: "/v1/reservations", body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } },
    ],
    ["a body that is too large", { path: "/v1/reservations", body: " ".repeat(20_000) }],
    ["a reservation that is not known", { path: `/v1/reservations/${PROCESS}/commit`, body: '{"actual_usd":"1"}' }],
    ["an id with a slash in it", { path: "/v1/reservations/a%2Fb/commit", body: '{"actual_usd":"1"}' }],
    [
      "a key that is too long",
      { path: "/v1/reservations", body: JSON.stringify(RESERVATION), headers: { "idempotency-key": "k".repeat(300) } },
    ],
    [
      "a process that is not known",
      {
        path: "/v1/leases/acquire",
        body: JSON.stringify({
          process_id: PROCESS,
          lease_id: PROCESS,
          seq: 1,
          labels: {},
          settled: ZERO,
          need: ZERO,
          target: ZERO,
          ahead: ZERO,
          wait_ms: 0,
        }),
      },
    ],
  ])("is the framework's, byte for byte: %s", async (_name, request) => {
    const frequent = await send(request);
    const framework = await send({ ...request, path: `${request.path}/` });
    expect(frequent).toEqual(framework);
    expect(frequent.status).toBeGreaterThanOrEqual(200);
  });

  it("comes to an agent that says before it sends that it will, and to one that sends piece by piece", async () => {
    const body = JSON.stringify(RESERVATION);
    const waited = await send({ path: "/v1/reservations", body, headers: { expect: "100-continue" } });
    expect(waited.status).toBe(201);
    const pieces = await fetch(`http://127.0.0.1:${port}/v1/reservations`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new ReadableStream({
        start(controller) {
          for (const piece of body.match(/.{1,7}/g) ?? []) controller.enqueue(new TextEncoder().encode(piece));
          controller.close();
        },
      }),
      duplex: "half",
    } as RequestInit);
    expect(pieces.status).toBe(201);
  });

  it("comes to requests that are sent together, in their order, and to what follows them that is not plain", async () => {
    const body = JSON.stringify(RESERVATION);
    const text = await raw(
      [plain(body) + plain('{"agent":7}') + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + plain(body)],
      4,
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 201", "HTTP/1.1 400", "HTTP/1.1 200", "HTTP/1.1 201"]);
  });

  it("comes to a body that comes after its head, and in pieces", async () => {
    const text = plain(JSON.stringify(RESERVATION));
    const bodyAt = text.indexOf("{");
    for (const cut of [bodyAt, bodyAt + 9, 30]) {
      const answered = await raw([text.slice(0, cut), text.slice(cut, -3), text.slice(-3)], 1);
      expect(answered, `cut at ${cut}`).toContain("HTTP/1.1 201 Created");
    }
  });

  it.each<[string, string]>([
    ["two lengths", plain("{}", "Content-Length: 3\r\n")],
    ["a length and chunks", plain("{}", "Transfer-Encoding: chunked\r\n")],
    ["a space before the colon", plain("{}", "X-A : 1\r\n")],
    ["a folded header", plain("{}", "X-A: 1\r\n 2\r\n")],
    ["a bare line feed", plain("{}", "X-A: 1\nTransfer-Encoding: chunked\r\n")],
    ["no host", plain("{}").replace("Host: x\r\n", "")],
    ["a signed length", plain("{}").replace("Length: 2", "Length: +2")],
  ])("is Node's own where a request could be read in two ways: %s", async (_name, request) => {
    const answered = await raw([request], 1);
    expect(answered).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("does not come after the API has closed: idle connections end", async () => {
    const other = createRig();
    const socket = connect(await other.api.listen({ host: "127.0.0.1", port: 0 }), "127.0.0.1");
    const body = JSON.stringify(RESERVATION);
    await new Promise((answered) => {
      socket.once("data", answered);
      socket.write(plain(body));
    });
    const ended = new Promise((end) => socket.once("close", end));
    await other.api.close();
    await expect(ended).resolves.toBe(false);
  });
});
