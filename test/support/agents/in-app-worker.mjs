/** An agent that registers itself, and starts a thread that says what it found. */
import { once } from "node:events";
import { stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { getEnvironmentData, isMainThread, parentPort, Worker } from "node:worker_threads";

if (isMainThread) {
  const { registerTollgate, withContext } = await import("@tollgate/instrumentation");
  await registerTollgate().ready;
  const worker = withContext({ agent: "threader" }, () => new Worker(fileURLToPath(import.meta.url)));
  const [message] = await once(worker, "message");
  const text =
    '"use strict"; require("worker_threads").parentPort.postMessage([fetch[Symbol.for("tollgate.fetch")] === true, this === undefined]);';
  const [fromText] = await once(new Worker(`"use strict"; (function () { ${text} })()`, { eval: true }), "message");
  const bare = new Worker(fileURLToPath(import.meta.url), { env: {}, execArgv: [] });
  const [{ isGated, agent, env }] = await once(bare, "message");
  stdout.write(
    JSON.stringify({ ...message, bare: { isGated, agent, env }, fromText, isWorker: worker instanceof Worker }),
  );
} else {
  parentPort?.postMessage({
    isGated: globalThis[Symbol.for("tollgate.loaded")] !== undefined,
    flags: process.execArgv.filter((flag) => flag.startsWith("--")),
    baggage: getEnvironmentData("tollgate.context").BAGGAGE,
    agent: getEnvironmentData("tollgate.context").TOLLGATE_AGENT,
    env: Object.keys(process.env),
  });
}
