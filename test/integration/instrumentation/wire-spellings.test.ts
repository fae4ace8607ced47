/**
 * Requests that a lenient server takes for a call of a model though they are not written as the API's documents have them: other methods,
 * paths and bytes. Each is sent with a budget that nothing fits into; what arrives at the server has slipped past.
 */
import { createServer, request as requestHttp } from "node:http";
import type { RequestOptions, Server } from "node:http";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { deflateRawSync, gzipSync } from "node:zlib";
import { Agent, request as requestUndici } from "undici";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 };
const TEXT = JSON.stringify(CHAT);
const JSON_TYPE = { "content-type": "application/json" };

let gated: GatedProcess;
let server: Server;
let arrived: { readonly line: string; readonly body: Buffer }[];
let url: string;

useWireHooks();

beforeEach(async () => {
  arrived = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => {
      arrived.push({ line: `${request.method} ${request.url}`, body: Buffer.concat(chunks) });
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function start(env: Readonly<Record<string, string>> = {}): void {
  gated = startGatedProcess({ env: { TOLLGATE_BUDGET: "$0.0000001", ...env } });
  registerWire(new Wire(gated.gate));
}

/** By `node:http`, which sends a path as it is. */
function send(options: RequestOptions, body: string | Uint8Array = TEXT): Promise<unknown> {
  const { port } = new URL(url);
  return new Promise((resolve) => {
    const sent = requestHttp({ host: "127.0.0.1", port, method: "POST", headers: JSON_TYPE, ...options }, (response) =>
      response.resume().once("end", () => resolve("sent")),
    );
    sent.once("error", resolve).end(body);
  });
}

async function codeOf(sent: Promise<unknown>): Promise<string | undefined> {
  return findTollgateError(await sent)?.code;
}

it.each([
  ["PUT", "/v1/chat/completions"],
  ["PATCH", "/v1/chat/completions"],
  ["QUERY", "/v1/responses"],
  ["PUT", "/v1/videos"],
  ["PUT", "/v1/audio/speech"],
])("a known provider's paid path is paid for whatever the method: %s %s", async (method, path) => {
  start({ TOLLGATE_PROVIDERS: `openai=${url}` });
  expect(await codeOf(send({ method, path }))).toMatch(/^(?:budget_exceeded|unpriced_model)$/);
  expect(arrived).toEqual([]);
});

it.each(["PUT", "PATCH", "QUERY"])("a call of a model on any host is one by %s, too", async (method) => {
  start();
  expect(await codeOf(send({ method, path: "/v1/chat/completions" }))).toBe("budget_exceeded");
  expect(arrived).toEqual([]);
});

it.each([
  ["GET", "/v1/chat/completions"],
  ["DELETE", "/v1/chat/completions"],
  ["PUT", "/v1/files/f1"],
  ["PATCH", "/v1/vector_stores/v1"],
])("what only reads, deletes or changes what is stored goes to a known provider: %s %s", async (method, path) => {
  start({ TOLLGATE_PROVIDERS: `openai=${url}` });
  expect(await send({ method, path }, "")).toBe("sent");
  expect(arrived.map(({ line }) => line)).toEqual([`${method} ${path}`]);
});

const PATHS = [
  "/v1%2Fchat%2fcompletions",
  "/v1%252Fchat%252fcompletions",
  "/v1/chat%5Ccompletions",
  "/v1/chat\\completions",
  "/v1/chat/completions;version=1",
  "/v1;tenant=a/chat/completions",
  "/v1/chat%2F.%2Fcompletions",
  "/v1/x%2F..%2Fchat/completions",
  "/v1/chat/./completions",
  "//v1/chat/completions",
  "/v1/chat/completions%20",
  "/v1/chat/completions%2F",
  "/V1/CHAT/Completions",
] as const;

it.each(PATHS)("a path is read as the most lenient server reads it, on any host: %s", async (path) => {
  start();
  expect(await codeOf(send({ path }))).toBe("budget_exceeded");
  expect(arrived).toEqual([]);
});

it.each(PATHS)("and on a known one, by its own bound: %s", async (path) => {
  start({ TOLLGATE_PROVIDERS: `openai=${url}`, TOLLGATE_BUDGET: "$0.001" });
  expect(await send({ path })).toBe("sent");
  expect(arrived.map(({ line }) => line)).toEqual([`POST ${path}`]);
  // 50 tokens of output, not the model's maximum.
  expect(gated.spans().map(({ attributes }) => attributes["gen_ai.request.max_tokens"])).toEqual([50]);
});

it("Anthropic's path is one in capitals, too", async () => {
  start();
  const claude = JSON.stringify({ ...CHAT, model: "claude-sonnet-4-5" });
  expect(await codeOf(send({ path: "/V1/Messages" }, claude))).toBe("budget_exceeded");
  expect(arrived).toEqual([]);
});

it("two slashes at the start of a path are no other host", async () => {
  start({ TOLLGATE_UNKNOWN_EGRESS: "deny" });
  expect(await codeOf(send({ path: "//allowed.example/" }, ""))).toBe("egress_denied");
  const told = gated.spans().map(({ attributes }) => attributes["server.address"]);
  expect(told).toEqual(["127.0.0.1"]);
});

function utf32(text: string, isLittle: boolean): Buffer {
  const bytes = Buffer.alloc(text.length * 4);
  for (const [at, letter] of Array.from(text).entries()) {
    if (isLittle) bytes.writeUInt32LE(letter.codePointAt(0) ?? 0, at * 4);
    else bytes.writeUInt32BE(letter.codePointAt(0) ?? 0, at * 4);
  }
  return bytes;
}

const MARK = "\uFEFF";
const BODIES: Readonly<Record<string, Uint8Array>> = {
  "UTF-16": Buffer.from(MARK + TEXT, "utf16le"),
  "UTF-16, the other way round": Buffer.from(MARK + TEXT, "utf16le").swap16(),
  "UTF-16 without a mark": Buffer.from(TEXT, "utf16le"),
  "UTF-16 without a mark, the other way round": Buffer.from(TEXT, "utf16le").swap16(),
  "UTF-32": utf32(MARK + TEXT, true),
  "UTF-32, the other way round": utf32(MARK + TEXT, false),
  "UTF-32 without a mark": utf32(TEXT, true),
  "UTF-32 without a mark, the other way round": utf32(TEXT, false),
};

it.each(Object.entries(BODIES))("a body is read as lenient servers read it: %s", async (_name, body) => {
  start();
  const path = "/v1/chat/completions";
  expect(await codeOf(send({ path }, body))).toBe("budget_exceeded");
  expect(await codeOf(send({ path, headers: { "content-type": "text/plain" } }, body))).toBe("budget_exceeded");
  expect(arrived).toEqual([]);
});

it.each([...Object.entries(BODIES), ["Latin letters", Buffer.from(TEXT)]] as const)(
  "and goes as it is where it is not in UTF-8, its bound not lowered: %s",
  async (name, body) => {
    // Enough for 50 tokens, and not for what is asked for.
    start({ TOLLGATE_BUDGET: "$0.0001" });
    const charset = name === "Latin letters" ? "; charset=ISO-8859-1" : "";
    const headers = { "content-type": `application/json${charset}` };
    expect(await send({ path: "/v1/chat/completions", headers }, body)).toBe("sent");
    expect(arrived.map((one) => one.body)).toEqual([Buffer.from(body)]);
  },
);

it("nothing is put into a body whose letters are not UTF-8", async () => {
  start({ TOLLGATE_BUDGET: "$1" });
  const { max_tokens: _none, ...unbounded } = CHAT;
  const body = Buffer.from(JSON.stringify({ ...unbounded, stream: true }), "utf16le");
  expect(await send({ path: "/v1/chat/completions" }, body)).toBe("sent");
  expect(arrived.map((one) => one.body)).toEqual([body]);
});

it.each([
  ["gzip, gzip", gzipSync(gzipSync(TEXT))],
  [["gzip", "gzip"], gzipSync(gzipSync(TEXT))],
  ["identity, gzip", gzipSync(TEXT)],
  ["deflate", deflateRawSync(TEXT)],
  ["gzip", gzipSync(Buffer.from(TEXT, "utf16le"))],
] as const)("is read however often it is packed: %j", async (encoding, body) => {
  start();
  const headers = { ...JSON_TYPE, "content-encoding": encoding as string };
  expect(await codeOf(send({ path: "/v1/chat/completions", headers }, body))).toBe("budget_exceeded");
  expect(arrived).toEqual([]);
});

it.each([
  ["a list of names and values", ["content-encoding", "gzip", "content-encoding", "gzip"]],
  ["a list of values", { "content-encoding": ["gzip", "gzip"] }],
])("undici's headers say twice that a body is packed: %s", async (_name, headers) => {
  start();
  const dispatcher = new Agent();
  patchDispatcherOf(dispatcher);
  const body = gzipSync(gzipSync(TEXT));
  const sent = requestUndici(`${url}/v1/chat/completions`, { method: "POST", headers, body, dispatcher });
  expect(await codeOf(sent.catch((error: unknown) => error))).toBe("budget_exceeded");
  expect(arrived).toEqual([]);
  await dispatcher.close();
});

it("what nobody can unpack is refused by a known provider's name, and told or refused by the list of endpoints elsewhere", async () => {
  const sent = (): Promise<unknown> =>
    send({ path: "/v1/chat/completions", headers: { ...JSON_TYPE, "content-encoding": "compress" } });
  start({ TOLLGATE_PROVIDERS: `openai=${url}` });
  expect(await codeOf(sent())).toBe("unpriced_model");
  await gated.stop();
  start({ TOLLGATE_UNKNOWN_EGRESS: "deny" });
  expect(await codeOf(sent())).toBe("egress_denied");
  expect(arrived).toEqual([]);
});

it("a body is read over HTTP/2 whatever type it is said to have", async () => {
  start();
  const session = connect(url);
  const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions", "content-type": "text/plain" });
  const refused = new Promise((resolve) => stream.once("error", resolve));
  session.on("error", () => {});
  stream.end(TEXT);
  expect(findTollgateError(await refused)?.code).toBe("budget_exceeded");
  session.destroy();
});

const MESSAGES = [{ role: "user", content: "hi" }];

it.each([
  ["a deployment of Azure's behind a gateway", "/openai/deployments/gpt-4o/chat/completions", { messages: MESSAGES }],
  ["a gateway that knows the model itself", "/compat/chat/completions", { messages: MESSAGES }],
  [
    "Anthropic's API behind a gateway that sets the bound",
    "/v1/messages",
    { model: "claude-sonnet-4-5", messages: MESSAGES },
  ],
  ["a bound as text", "/v1/messages", { model: "claude-sonnet-4-5", messages: MESSAGES, max_tokens: "50" }],
  ["Bedrock's Converse", "/bedrock/model/amazon.nova-pro-v1%3A0/converse", { messages: MESSAGES }],
  ["its stream", "/bedrock/model/amazon.nova-pro-v1:0/converse-stream", { messages: MESSAGES }],
  [
    "Bedrock's InvokeModel",
    "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/invoke",
    { messages: MESSAGES, max_tokens: 50 },
  ],
  ["its stream", "/model/amazon.titan-text-express-v1/invoke-with-response-stream", { inputText: "hi" }],
  [
    "Claude as Vertex serves it",
    "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5:streamRawPredict",
    { anthropic_version: "vertex-2023-10-16", messages: MESSAGES, max_tokens: 50 },
  ],
])("on any host, a call of a model: %s", async (_name, path, body) => {
  start();
  expect(await codeOf(send({ path }, JSON.stringify(body)))).toMatch(/^(?:budget_exceeded|unpriced_model)$/);
  expect(arrived).toEqual([]);
});

it.each([
  ["NaN", TEXT.replace(/\}$/, ',"temperature":NaN}')],
  ["a comma too many", TEXT.replace(/\}$/, ",}")],
  ["a letter that should be escaped", TEXT.replace('"hi"', '"h\ni"')],
  ["a comment", `// asks\n${TEXT}`],
  ["several texts in one", `${TEXT}\n${TEXT}`],
  ["NaN in UTF-16", Buffer.from(TEXT.replace(/\}$/, ',"top_p":NaN}'), "utf16le")],
] as const)("JSON as only some servers take it is a call without a price: %s", async (_name, body) => {
  start();
  expect(await codeOf(send({ path: "/v1/chat/completions" }, body))).toBe("unpriced_model");
  expect(arrived).toEqual([]);
});

it("and text that is none goes by the list of endpoints", async () => {
  start();
  expect(await send({ path: "/v1/messages" }, 'my "model" of the world: {')).toBe("sent");
});

it.each([
  ["/v1/messages", { to: "a", messages: ["hi"] }],
  ["/v1/messages", { model: "a", messages: "hi" }],
  ["/chat/completions", { messages: ["hi"] }],
  ["/chat/completions", { messages: [] }],
  ["/model/car/invoke", { colour: "red" }],
  ["/v1/responses", { input: "an answer" }],
])("and what only has such a path is none: %s %j", async (path, body) => {
  start();
  expect(await send({ path }, JSON.stringify(body))).toBe("sent");
  expect(gated.spans().filter((span) => !span.name.startsWith("egress"))).toEqual([]);
});
