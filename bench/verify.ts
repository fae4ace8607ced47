/**
 * How fast `tollgate audit verify` is: the command as people type it, over an export in a file, with its start and its end, by the clock and by the
 * CPU of all its threads; beside it the same export read in this process by one thread. Promise: 100,000 records a second, with their links,
 * by the clock. `--records N` (default 300,000, as a short run is mostly start), `--rounds N`.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileSource } from "../src/audit/verify/export-source.ts";
import { readExport } from "../src/audit/verify/read-export.ts";
import { Verifier } from "../src/audit/verify/verifier.ts";
import { EXPORT_END, exportedChain, exportHead } from "../test/support/audit-export.ts";

const { values } = parseArgs({
  options: { records: { type: "string", default: "300000" }, rounds: { type: "string", default: "5" } },
});
const [records, rounds] = [Number(values.records), Number(values.rounds)];
const GOAL = 100_000;
const CHAINS = 20;
const LINES_AT_ONCE = 2_000;
const MAIN = new URL("../dist/main.js", import.meta.url).pathname;

const directory = mkdtempSync(join(tmpdir(), "tollgate-bench-verify-"));
try {
  const { file, key } = writeExport();
  const megabytes = statSync(file).size / 1e6;
  console.log(`${records.toLocaleString("en")} records of 20 attributes with their links, ${megabytes.toFixed(0)} MB`);
  const command = { wall: [] as number[], cpu: [] as number[] };
  const alone: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { wall, cpu } = runCommand(file, key);
    command.wall.push(records / wall);
    command.cpu.push(records / cpu);
    alone.push(records / (await readAlone(file, key)));
  }
  const threads = Math.min(2, availableParallelism());
  say(`the command, ${threads} threads, by the clock`, command.wall);
  say("                    a second of CPU", command.cpu);
  say("read in one thread, a second of its CPU", alone);
  console.log(`(promise: ${GOAL.toLocaleString("en")} by the clock)`);
  process.exitCode = median(command.wall) >= GOAL ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true });
}

function say(what: string, rates: readonly number[]): void {
  const [middle, best] = [median(rates), Math.max(...rates)].map((rate) => Math.round(rate).toLocaleString("en"));
  console.log(
    `${what.padEnd(42)}${(middle ?? "").padStart(9)} records a second, median of ${rates.length}; best ${best}`,
  );
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[Math.trunc(list.length / 2)] ?? Number.NaN;
}

/** As ClickHouse writes it: first all links, chain by chain, then the records of all chains by time. */
function writeExport(): { readonly file: string; readonly key: string } {
  const file = join(directory, "export.ndjson");
  const chains = Array.from({ length: CHAINS }, (_, index) => exportedChain(`chain ${index}`, records / CHAINS));
  const head = exportHead(chains, directory);
  const output = openSync(file, "w");
  const write = (lines: readonly string[]): void => void writeSync(output, `${lines.join("\n")}\n`);
  write(head);
  for (const { links } of chains) write(links);
  for (let at = 0; at < records / CHAINS; at += LINES_AT_ONCE / CHAINS) {
    const until = Math.min(at + LINES_AT_ONCE / CHAINS, records / CHAINS);
    write(
      Array.from({ length: until - at }, (_, index) => chains.map((chain) => chain.records[at + index] ?? "")).flat(),
    );
  }
  write([EXPORT_END]);
  closeSync(output);
  const [, key] = JSON.parse(head[1] ?? "[]") as [string, { readonly public_key: string }];
  return { file, key: key.public_key };
}

/** Seconds. */
function runCommand(file: string, key: string): { readonly wall: number; readonly cpu: number } {
  const startedAt = performance.now();
  const run = spawnSync(
    "/usr/bin/env",
    [
      "bash",
      "-c",
      'TIMEFORMAT="%U %S"; time "$0" "$@"',
      process.execPath,
      MAIN,
      "audit",
      "verify",
      "--file",
      file,
      "--key",
      key,
      "--json",
    ],
    {
      encoding: "utf8",
    },
  );
  const wall = (performance.now() - startedAt) / 1_000;
  requireWhole(run.stdout);
  const [user = 0, system = 0] = (run.stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  return { wall, cpu: user + system };
}

function requireWhole(report: string): void {
  const { complete, records: read } = JSON.parse(report) as { readonly complete: boolean; readonly records: number };
  if (!complete || read !== records) throw new Error(report.slice(0, 1_000));
}

/** Seconds of CPU of this thread. */
async function readAlone(file: string, key: string): Promise<number> {
  const verifier = new Verifier({ trusted: [key] });
  const input = await open(file);
  const before = process.threadCpuUsage();
  await readExport(verifier, fileSource(input), { threads: 1 });
  const report = verifier.finish();
  const { user, system } = process.threadCpuUsage(before);
  await input.close();
  requireWhole(JSON.stringify(report));
  return (user + system) / 1e6;
}
