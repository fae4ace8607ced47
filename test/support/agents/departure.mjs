/**
 * Calls over TLS that are given up: before their connection stands (`early`: the other end takes the connection and says nothing), or when the
 * provider has the request (`late`). By their bounds they are told apart. CERT and KEY are of an authority that NODE_EXTRA_CA_CERTS names.
 */
import { once } from "node:events";
import { createServer as createTcpServer, connect as connectTcp } from "node:net";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";

const PATH = "/v1/chat/completions";
const headers = { "content-type": "application/json" };
const { CERT: cert, KEY: key } = process.env;
const listen = async (server) => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server.address().port;
};

/** Whom to tell that a request has come, or a connection. */
let came = () => {};
const answer = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-mini",
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 },
});
const onRequest = (request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece)).on("error", () => {});
  request.on("end", () => {
    if (!String(Buffer.concat(pieces)).includes('"answer me"')) return came();
    response.writeHead(200, headers);
    response.end(answer);
  });
};
const provider = `https://localhost:${await listen(http2.createSecureServer({ cert, key, allowHTTP1: true }, onRequest))}`;
const silent = `https://localhost:${await listen(createTcpServer((socket) => came(socket.on("error", () => {}))))}`;
const proxyOf = (onConnect) => listen(http.createServer().on("connect", onConnect));
const silentProxy = `http://127.0.0.1:${await proxyOf((_request, socket) => came(socket.on("error", () => {})))}`;
const tunnel = await proxyOf((request, socket) => {
  const there = connectTcp(Number(request.url.split(":")[1]), "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    there.pipe(socket).on("error", () => {});
    socket.pipe(there).on("error", () => {});
  }).on("error", () => {});
});

const chat = (bound, content) =>
  JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content }], max_tokens: bound });

const byHttps = (agent) => async (url, body, signal) => {
  const request = https.request(url, { method: "POST", headers, signal, agent }).end(body);
  const [response] = await once(request, "response");
  response.resume();
  await once(response, "end");
};
const byHttp2 = async (url, body, signal) => {
  const session = http2.connect(new URL(url).origin).on("error", () => {});
  try {
    const stream = session.request({ ":method": "POST", ":path": PATH, ...headers }, { signal });
    await once(stream.end(body), "response");
  } finally {
    session.destroy();
  }
};
const byFetch = (fetch, dispatcher) => async (url, body, signal) => {
  const response = await fetch(url, { method: "POST", headers, body, signal, ...(dispatcher && { dispatcher }) });
  await response.text();
};

const keepAlive = new https.Agent({ keepAlive: true, maxSockets: 1 });
const WAYS = {
  https: [byHttps(), {}],
  "https, kept alive": [byHttps(keepAlive), { isReused: true }],
  http2: [byHttp2, {}],
  fetch: [byFetch(fetch), {}],
};
const undici = process.env.UNDICI === "yes" ? await import("undici") : undefined;
if (undici !== undefined) {
  const { Agent, ProxyAgent, fetch, interceptors } = undici;
  const follows = new Agent().compose(interceptors.redirect({ maxRedirections: 2 }), interceptors.dns());
  WAYS["undici, HTTP/1"] = [byFetch(fetch, new Agent({ allowH2: false })), {}];
  WAYS["undici, HTTP/2"] = [byFetch(fetch, new Agent({ allowH2: true })), {}];
  WAYS["undici, interceptors"] = [byFetch(fetch, follows), {}];
  WAYS["undici, a proxy"] = [byFetch(fetch, new ProxyAgent(`http://127.0.0.1:${tunnel}`)), {}];
  WAYS["undici, a silent proxy"] = [byFetch(fetch, new ProxyAgent(silentProxy)), { isEarlyOnly: true }];
}

let bound = 1_000;
const bounds = {};
/** Gives it up when somebody has come. */
async function giveUp(name, send, url) {
  const app = new AbortController();
  bounds[(bound += 1)] = name;
  came = () => app.abort();
  const end = await send(`${url}${PATH}`, chat(bound, "hold"), app.signal).then(() => "answered", String);
  if (!app.signal.aborted) bounds[bound] = `${name}: ${end}`;
}

for (const [name, [send, { isReused, isEarlyOnly }]] of Object.entries(WAYS)) {
  await giveUp(`${name}, early`, send, isEarlyOnly ? provider : silent);
  if (isEarlyOnly) continue;
  if (isReused) await send(`${provider}${PATH}`, chat(1, "answer me"), undefined);
  await giveUp(`${name}, late`, send, provider);
}
console.log(JSON.stringify(bounds));
setImmediate(() => process.exit(0));
