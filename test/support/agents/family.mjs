/**
 * An agent for tests that starts others: takes `{providerUrl, callers, fault, member, hasChildren}` as its argument, starts the children
 * (a forked process with a name of its own, a process spawned by a sub-agent without any argument for the gate, a thread),
 * calls a model in `callers` loops until it is refused, and prints one line of JSON for each member of the family:
 * `{member, calls, code}`.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { argv, env, execPath, exit, stdin, stdout } from "node:process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { withContext } from "@tollgate/instrumentation";
import OpenAI from "openai";

const self = fileURLToPath(import.meta.url);
const plan = isMainThread ? JSON.parse(argv[2] ?? "{}") : workerData;
const { providerUrl, callers, fault, member } = plan;

/** Calls until the gate refuses. */
async function call(openai) {
  for (let calls = 0; ; calls += 1) {
    try {
      const request = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 60 };
      const headers = fault === undefined ? {} : { "x-simulator-fault": fault };
      const stream = calls % 2 === 1;
      const reply = await openai.chat.completions.create({ ...request, stream }, { headers });
      if (stream) for await (const chunk of reply) void chunk;
    } catch (error) {
      return { calls, code: error?.code ?? String(error) };
    }
  }
}

async function callAll() {
  const openai = new OpenAI({ apiKey: member, baseURL: `${providerUrl}/v1` });
  const ends = await Promise.all(Array.from({ length: callers }, () => call(openai)));
  const codes = new Set(ends.map(({ code }) => code));
  return { member, calls: ends.reduce((sum, { calls }) => sum + calls, 0), code: [...codes].join() };
}

const linesOf = async (child) => {
  const [lines, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (code !== 0) throw new Error(`a child ended with ${code}`);
  return lines.trim();
};

/** @returns {Promise<string>[]} what each child prints */
function startFamily() {
  const planOf = (child) => JSON.stringify({ ...plan, member: child, hasChildren: false });
  const forked = fork(self, [planOf("forked")], { env: { ...env, TOLLGATE_AGENT: "researcher" }, silent: true });
  forked.stderr.pipe(process.stderr);
  const spawned = withContext({ agent: "writer", session: "s-9", labels: { tier: "gold" } }, () =>
    spawn(execPath, [self, planOf("spawned")], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const worker = withContext({ agent: "threader", workflow: "w-9" }, () => {
    return new Worker(self, { workerData: { ...plan, member: "thread", hasChildren: false } });
  });
  return [linesOf(forked), linesOf(spawned), once(worker, "message").then(([line]) => line)];
}

// A child ends with its parent, however that ends: then nobody holds the other end of its input.
if (isMainThread && plan.hasChildren !== true) {
  stdin.on("end", () => exit(1)).resume();
  stdin.unref();
}
const family = plan.hasChildren === true ? startFamily() : [];
const own = JSON.stringify(await callAll());
const lines = [own, ...(await Promise.all(family))].join("\n");
if (isMainThread) stdout.write(`${lines}\n`);
else parentPort?.postMessage(lines);
