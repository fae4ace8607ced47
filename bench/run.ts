/**
 * `npm run bench [NAME …]`: runs the benchmarks beside this file one after the other, each in a process of its own so that
 * none warms or slows another. Each prints ratios measured side by side in its run, and the conditions they hold under.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== "run.ts")
  .map((file) => file.slice(0, -".ts".length))
  .toSorted();
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(
    `no benchmark named ${unknown.map((name) => `\`${name}\``).join(", ")}; there are: ${names.join(", ")}`,
  );
  process.exit(2);
}

console.log(`node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`);
let failed = 0;
for (const name of asked.length > 0 ? asked : names) {
  console.log(`\n# ${name}`);
  const run = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`)], { stdio: "inherit" });
  if (run.status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
