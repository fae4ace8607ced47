/**
 * The provider simulator as a process of its own: `node dist/demo/provider/main.js [--port N] [--seed N] [--latency-ms N]
 * [--faults SPEC]`. Prints one line of JSON, `{"url"}`, when it listens; ends on SIGTERM or SIGINT.
 */
import { parseArgs } from "node:util";

import { ProviderSimulator } from "./simulator.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    "latency-ms": { type: "string", default: "0" },
    faults: { type: "string", default: "" },
  },
});
const latencyMs = Number(values["latency-ms"]);
const simulator = new ProviderSimulator({
  port: Number(values.port),
  seed: Number(values.seed),
  latencyMs: { min: latencyMs, max: latencyMs },
  faults: values.faults,
});
process.stdout.write(`${JSON.stringify({ url: await simulator.start() })}\n`);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    // Nothing is left to do when the server is closed: the process ends by itself.
    void simulator.stop();
  });
}
