/**
 * `node test/simulation/run.ts FROM TO`: the seeds of a range, one after the other, without a test runner. Ends with the first
 * that fails and code 1; prints what was simulated.
 */
import { simulate } from "./simulate.ts";

const [from = 1, to = from] = process.argv.slice(2).map(Number);
const sum = { seeds: 0, events: 0, calls: 0, refused: 0, unavailable: 0, crashes: 0, thresholds: 0 };
for (let seed = from; seed <= to; seed += 1) {
  try {
    const { digest: _digest, ...counts } = await simulate(seed);
    sum.seeds += 1;
    for (const [key, count] of Object.entries(counts)) sum[key as keyof typeof counts] += count;
  } catch (error) {
    console.log(error instanceof Error ? error.message : String(error));
    if (process.env["TOLLGATE_SIM_GO_ON"] === undefined) process.exit(1);
  }
}
console.log(JSON.stringify({ ...sum, cpuMs: Math.round(process.cpuUsage().user / 1000) }));
