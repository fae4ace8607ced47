/** Ways to send a model call that do not look like one. Prints what became of each; then another program takes this process's place. */
import http from "node:http";
import net from "node:net";
import { stdout } from "node:process";
import vm from "node:vm";
import { Worker } from "node:worker_threads";
import { Agent, Client, interceptors, request } from "undici";

const { URL: server, SOCKET: socketPath, ROUND = "first" } = process.env;
const { port } = new URL(server);
const BODY = JSON.stringify({ model: "gpt-4o", max_tokens: 100, messages: [{ role: "user", content: "hi" }] });
const CHAT = `${server}/v1/chat/completions`;
const headers = { "content-type": "application/json" };
const post = { method: "POST", headers, body: BODY };
const named = { ...headers, host: "api.openai.com" };
const toServer = (_host, options, done) =>
  options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);

/** Of node:http. */
function sendHttp(options) {
  return new Promise((resolve, reject) => {
    const sent = http.request({ host: "127.0.0.1", port, method: "POST", headers, ...options }, (response) => {
      response.resume().once("end", resolve);
    });
    sent.once("error", reject).end(BODY);
  });
}

function sendFromThread(code) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(
      `${code} fetch(${JSON.stringify(CHAT)}, ${JSON.stringify(post)}).then(() => {}, (error) => {
      process.getBuiltinModule("worker_threads").parentPort.postMessage(error.code ?? error.cause?.code);
    });`,
      { eval: true },
    );
    let refusal;
    worker.once("message", (code) => (refusal = code)).once("error", reject);
    // Its last words are said by then.
    worker.once("exit", () =>
      refusal === undefined ? resolve() : reject(Object.assign(new Error(), { code: refusal })),
    );
  });
}

const MODEL_PATH = "/v1/images/generations";
const WAYS = {
  "a URL of another realm": () => fetch(vm.runInNewContext(`({ toString: () => ${JSON.stringify(CHAT)} })`), post),
  "a blob": () => fetch(CHAT, { ...post, body: new Blob([BODY]) }),
  "an object that has a text": () => fetch(CHAT, { ...post, body: { toString: () => BODY } }),
  "a byte order mark": () => fetch(CHAT, { ...post, body: `\uFEFF${BODY}` }),
  "a slash at the end": () => fetch(`${CHAT}/`, post),
  "two slashes": () => fetch(`${server}/v1/chat//completions`, post),
  "an encoded letter": () => fetch(`${server}/v1/ch%61t/completions`, post),
  capitals: () => fetch(`${server}/v1/Chat/Completions`, post),
  "a deployment named like a free path": () => fetch(`${server}/known/deployments/files/chat/completions`, post),
  "a thread that is made and run": () => fetch(`${server}/known/threads/runs`, post),
  "a run of an evaluation": () => fetch(`${server}/known/evals/e1/runs`, post),
  undici: () => request(CHAT, post),
  "a client of undici that is told another origin": () =>
    new Client(server).request({ ...post, origin: "http://elsewhere.example", path: `/known${MODEL_PATH}` }),
  "names that undici looks up itself": () => {
    const dns = interceptors.dns({
      lookup: (_origin, _options, done) => done(null, [{ address: "127.0.0.1", family: 4, ttl: 1_000 }]),
    });
    return request(`http://api.openai.com:${port}${MODEL_PATH}`, { ...post, dispatcher: new Agent().compose(dns) });
  },
  "another name in the Host header": () =>
    sendHttp({ path: `/known${MODEL_PATH}`, headers: { ...headers, host: "elsewhere.example" } }),
  "headers as a list": () =>
    sendHttp({
      path: `/known${MODEL_PATH}`,
      headers: ["Host", "elsewhere.example", "Content-Length", String(BODY.length)],
    }),
  "an address and the provider's name": () => sendHttp({ path: MODEL_PATH, headers: named }),
  "a name with a dot at its end": () => sendHttp({ host: "api.openai.com.", path: MODEL_PATH, lookup: toServer }),
  "a connection of one's own": () =>
    sendHttp({
      host: "elsewhere.example",
      path: MODEL_PATH,
      headers: named,
      createConnection: () => net.connect(port, "127.0.0.1"),
    }),
  "the AI SDK's gateway": () =>
    sendHttp({
      path: "/v4/ai/language-model",
      headers: { ...headers, host: "ai-gateway.vercel.sh", "ai-language-model-id": "openai/gpt-4o" },
    }),
  "an API that only its provider has": () =>
    sendHttp({
      path: "/client/v4/accounts/a/ai/run/@cf/meta/llama-3-8b-instruct",
      headers: { ...headers, host: "api.cloudflare.com" },
    }),
  "a socket of the machine": () => sendHttp({ socketPath, path: "/v1/chat/completions" }),
  "a thread of code given as text": () => sendFromThread(""),
  "a thread of an ES module given as text": () => sendFromThread('import "node:fs";'),
};

// The budget that the process was started with holds.
process.env.TOLLGATE_BUDGET = "$100";
const found = {};
for (const [way, send] of Object.entries(WAYS)) {
  if (ROUND !== "first" && way !== "undici") continue;
  found[way] = await send().then(
    () => "sent",
    (error) => error.code ?? error.cause?.code ?? String(error),
  );
}
stdout.write(`${JSON.stringify(found)}\n`);
if (ROUND === "first")
  process.execve(process.execPath, [process.execPath, process.argv[1]], {
    ...process.env,
    TOLLGATE_BUDGET: "$0.000001",
    ROUND: "second",
  });
