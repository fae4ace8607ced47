/**
 * `npm run bench [NAME …] [-- --option …]`: runs the benchmarks beside this file one after the other, each in a process of its own so that
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
const given = process.argv.slice(2);
const firstOption = given.findIndex((argument) => argument.startsWith("-"));
const asked = firstOption < 0 ? given : given.slice(0, firstOption);
/** For the benchmarks themselves. */
const passedOn = firstOption < 0 ? [] : given.slice(firstOption);
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
  const run = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...passedOn], { stdio: "inherit" });
  if (run.status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
