/**
 * A client and a server of MCP in one process: `node mcp-behaviours.cjs v1|v2 esm|cjs`. v1 is `@modelcontextprotocol/sdk`, v2 the packages after it.
 * Prints what an app sees of each thing that a call of a tool can do, and what the server saw, as one object. Timers are moved by hand.
 */
"use strict";

const { mock } = require("node:test");

const V1 = ["client/index.js", "server/index.js", "server/mcp.js", "inMemory.js", "types.js"].map(
  (path) => `@modelcontextprotocol/sdk/${path}`,
);
const TASKS = ["@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js"];

async function load(twin, paths) {
  const modules =
    twin === "esm" ? await Promise.all(paths.map((path) => import(path))) : paths.map((path) => require(path));
  return Object.assign({}, ...modules);
}

async function loadV2(twin) {
  const [client, server] =
    twin === "esm"
      ? await Promise.all([import("@modelcontextprotocol/client"), import("@modelcontextprotocol/server")])
      : [require("@modelcontextprotocol/client"), require("@modelcontextprotocol/server")];
  return { ...client, ...server };
}

const text = (said) => ({ content: [{ type: "text", text: said }] });
const OUTPUT = { type: "object", properties: { degrees: { type: "number" } }, required: ["degrees"] };
const NAMES = ["answers", "fails", "throws", "tells", "waits", "measures", "measures_words", "measures_nothing"];

/** What the server does for each tool, in words of both versions. `step` waits for the test's next step. */
function handlerOf({ seen, step, rpcError }) {
  return async ({ params }, { notify, signal, meta }) => {
    seen.push([params.name, params.arguments ?? null]);
    switch (params.name) {
      case "fails":
        return { ...text("the disk is full"), isError: true };
      case "throws":
        throw rpcError();
      case "tells":
        for (let progress = 1; progress <= 3; progress += 1) {
          const token = { progressToken: meta.progressToken, progress, total: 3, message: `part ${progress}` };
          await step();
          await notify({ method: "notifications/progress", params: token });
        }
        await step();
        return text("told");
      case "waits":
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        seen.push(["waits", "given up"]);
        return text("too late");
      case "measures":
        return { ...text("12"), structuredContent: { degrees: 12 } };
      case "measures_words":
        return { ...text("warm"), structuredContent: { degrees: "warm" } };
      default:
        return text("done");
    }
  };
}

function connectV1(sdk, given) {
  const server = new sdk.Server({ name: "s", version: "1" }, { capabilities: { tools: {} } });
  const handle = handlerOf({ ...given, rpcError: () => new sdk.McpError(-32602, "no such day", { day: 32 }) });
  const tools = NAMES.map((name) => toolOf(name));
  server.setRequestHandler(sdk.ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(sdk.CallToolRequestSchema, (request, { sendNotification: notify, signal, _meta: meta }) =>
    handle(request, { notify, signal, meta }),
  );
  return linked(sdk, server);
}

function connectV2(sdk, given) {
  const server = new sdk.Server({ name: "s", version: "1" }, { capabilities: { tools: {} } });
  const handle = handlerOf({ ...given, rpcError: () => new sdk.ProtocolError(-32602, "no such day", { day: 32 }) });
  const tools = NAMES.map((name) => toolOf(name));
  server.setRequestHandler("tools/list", () => ({ tools }));
  server.setRequestHandler("tools/call", (request, { mcpReq: { notify, signal, _meta: meta } }) =>
    handle(request, { notify, signal, meta }),
  );
  return linked(sdk, server);
}

function toolOf(name) {
  const output = name.startsWith("measures") ? { outputSchema: OUTPUT } : {};
  return { name, description: name, inputSchema: { type: "object" }, ...output };
}

async function linked(sdk, server) {
  const client = new sdk.Client({ name: "c", version: "1" });
  const [near, far] = sdk.InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  return client;
}

/** What an app has of it. */
async function seenOf(work) {
  try {
    return { value: await work() };
  } catch (error) {
    const { message, code, data } = error;
    return { type: error.constructor.name, message, code, data, cause: error.cause?.message };
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A tool that tells its progress three times, each `each` ms after the other, by a clock of our own. */
async function told(connect, options, each) {
  const steps = [];
  const client = await connect({ seen: [], step: () => new Promise((resolve) => steps.push(resolve)) });
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
  const heard = [];
  const end = seenOf(() => client.callTool(...options({ onprogress: (part) => void heard.push(part) })));
  for (let count = 0; count < 4; count += 1) {
    for (let turns = 0; turns < 20; turns += 1) await turn();
    mock.timers.tick(each);
    steps.shift()?.();
  }
  const outcome = await end;
  mock.timers.reset();
  await client.close();
  return { outcome, heard };
}

async function main() {
  const [version, twin] = process.argv.slice(2);
  const isFirst = version === "v1";
  const sdk = await (isFirst ? load(twin, V1) : loadV2(twin));
  const connect = (given) => (isFirst ? connectV1 : connectV2)(sdk, given);
  /** Options come after the schema of the result in v1. */
  const asking = (name, given) => (own) => {
    const options = { ...given, ...own };
    const params = { name, arguments: { of: name } };
    return isFirst ? [params, undefined, options] : [params, options];
  };
  const seen = [];
  const client = await connect({ seen, step: turn });
  const call = (name, options) => seenOf(() => client.callTool(...asking(name, options)({})));
  const ends = {};
  for (const name of ["answers", "fails", "throws", "unlisted"]) ends[name] = await call(name);
  // From now on the client knows what the tools give.
  ends.listed = (await client.listTools()).tools.length;
  for (const name of ["measures", "measures_words", "measures_nothing"]) ends[name] = await call(name);
  ends.aborted = await call("waits", { signal: AbortSignal.abort(new Error("gone before")) });
  const leaving = new AbortController();
  const left = call("waits", { signal: leaving.signal });
  for (let turns = 0; turns < 20; turns += 1) await turn();
  leaving.abort(new Error("gone"));
  ends.left = await left;
  const timed = { timeout: 1_000 };
  ends.told = await told(connect, asking("tells", timed), 100);
  ends.late = await told(connect, asking("tells", timed), 600);
  ends.reset = await told(connect, asking("tells", { ...timed, resetTimeoutOnProgress: true }), 600);
  const bounded = { ...timed, resetTimeoutOnProgress: true, maxTotalTimeout: 1_500 };
  ends.bounded = await told(connect, asking("tells", bounded), 600);
  const closing = call("waits");
  for (let turns = 0; turns < 20; turns += 1) await turn();
  await client.close();
  ends.closed = await closing;
  ends.unconnected = await call("answers");
  // What is thrown at once, and what is rejected.
  for (const [name, method] of [
    ["unknown", "no/such"],
    ["asked", "tools/call"],
  ]) {
    try {
      ends[name] = await client
        .request({ method, params: { name: "answers" } })
        .then(String, (error) => `rejects: ${error.message}`);
    } catch (error) {
      ends[name] = `throws: ${error.message}`;
    }
  }
  if (isFirst) ends.tasks = await tasks({ ...sdk, ...(await load(twin, TASKS)) });
  process.stdout.write(JSON.stringify({ ends, seen }));
}

/** Tools that answer with a task: asked for as one, read by hand, cancelled. */
async function tasks(sdk) {
  const taskStore = new sdk.InMemoryTaskStore();
  const capabilities = { tasks: { cancel: {}, list: {}, requests: { tools: { call: {} } } } };
  const server = new sdk.McpServer({ name: "s", version: "1" }, { capabilities, taskStore });
  for (const name of ["job", "job_fails", "job_waits"]) {
    const config = { description: name, execution: { taskSupport: "required" } };
    server.experimental.tasks.registerToolTask(name, config, {
      async createTask({ taskStore: store }) {
        const task = await store.createTask({ ttl: 60_000, pollInterval: 1 });
        if (name === "job") await store.storeTaskResult(task.taskId, "completed", text("key AKIAABCDEFGHIJKLMNOP"));
        const failed = { ...text("no"), isError: true };
        if (name === "job_fails") await store.storeTaskResult(task.taskId, "failed", failed);
        return { task };
      },
      getTask: (extra) => extra.taskStore.getTask(extra.taskId),
      getTaskResult: (extra) => extra.taskStore.getTaskResult(extra.taskId),
    });
  }
  server.registerTool("send_mail", {}, async () => text("sent"));
  const client = await linked(sdk, server);
  await client.listTools();
  const send = () => seenOf(() => client.callTool({ name: "send_mail" }));
  const streamed = async (name) => {
    const messages = [];
    for await (const message of client.experimental.tasks.callToolStream({ name })) {
      const { type, task, result, error } = message;
      messages.push([type, task?.status, result?.content, result?.isError, error?.message]);
    }
    return messages;
  };
  const before = await send();
  const ends = { before, job: await streamed("job"), after: await send(), job_fails: await streamed("job_fails") };
  ends.plain = await seenOf(() => client.callTool({ name: "job" }));
  const params = { name: "job_waits" };
  const { task } = await client.request({ method: "tools/call", params }, sdk.CreateTaskResultSchema, { task: {} });
  ends.cancelled = (await client.experimental.tasks.cancelTask(task.taskId)).status;
  ends.gone = await seenOf(() => client.experimental.tasks.cancelTask("none"));
  await client.close();
  taskStore.cleanup();
  return ends;
}

void main();
