/**
 * `node test/simulation/run.ts FROM TO [valkey]`: the seeds of a range, one after the other, without a test runner. Ends with the
 * first that fails and code 1; prints what was simulated. `valkey`: several processors over one store.
 */
import { replicaScenario, scenarioOf } from "./scenario.ts";
import { simulate } from "./simulate.ts";

const [from = 1, to = from] = process.argv.slice(2, 4).map(Number);
const scenario = process.argv[4] === "valkey" ? replicaScenario : scenarioOf;
const sum = { seeds: 0, events: 0, calls: 0, refused: 0, unavailable: 0, crashes: 0, thresholds: 0 };
for (let seed = from; seed <= to; seed += 1) {
  try {
    const { digest: _digest, ...counts } = await simulate(seed, scenario(seed));
    sum.seeds += 1;
    for (const [key, count] of Object.entries(counts)) sum[key as keyof typeof counts] += count;
  } catch (error) {
    console.log(error instanceof Error ? error.message : String(error));
    if (process.env["TOLLGATE_SIM_GO_ON"] === undefined) process.exit(1);
  }
}
console.log(JSON.stringify({ ...sum, cpuMs: Math.round(process.cpuUsage().user / 1000) }));
