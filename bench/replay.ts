/**
 * What `tollgate policy replay` takes for a million decisions: the command as people type it, against a processor with its embedded engine, by
 * the clock and by CPU, and the memory of both. Two windows: decisions of a fleet (some thousand kinds), and the worst, in
 * which no two are alike, so that every one goes over the wire and is decided anew. The candidate has rules by environment, by what is not
 * recorded (arguments), and globs.
 * Goal (issue "Policy"): 1 M decisions in under 60 s on 2 cores, streamed. `--decisions N`.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createWorkspace, ProcessorProcess, type Workspace } from "../src/demo/processor-process.ts";
import { migrate } from "../src/storage/migrate.ts";
import { startBenchEngine } from "./data/bench-engine.ts";
import { cpuSecondsOf } from "./traffic/process-figures.ts";

const GOAL_SECONDS = 60;
const MAIN = new URL("../dist/main.js", import.meta.url).pathname;
const SAMPLE_MS = 20;
const END = Date.UTC(2026, 10, 21) / 1_000;
const DAY_SECONDS = 86_400;

const { values } = parseArgs({ options: { decisions: { type: "string", default: "1000000" } } });
const decisions = Number(values.decisions);

const CANDIDATE = `kind: policy
name: candidate
default: deny
allow: ["db_read_*", "search_*", "file_read_*"]
require_approval: ["send_*"]
deny: ["*_drop_*"]
rules:
  - { name: production, effect: require_approval, tools: ["db_write_*"], when: 'environment == "production"' }
  - { name: staging, effect: allow, tools: ["db_write_*"], when: 'environment == "staging"' }
  - { name: large, effect: deny, tools: ["db_*"], when: "has(args.rows) && args.rows > 1000.0" }
  - { name: small, effect: allow, tools: ["http_*"], when: "args.bytes < 1000.0" }
  - { name: readers, effect: deny, tools: ["*_write_*"], when: 'agent.role == "reader"' }
`;

/** Each window a day of its own, so that `--since` and `--until` choose. */
const WINDOWS = [
  { name: "a fleet's", day: 2, ancestors: "''" },
  { name: "no two alike", day: 1, ancestors: "concat('planner-', toString(number))" },
] as const;

function decisionsSql({ day, ancestors }: (typeof WINDOWS)[number]): string {
  const begin = END - day * DAY_SECONDS;
  return `INSERT INTO span_log (trace_id, span_id, name, start, end, agent, team, role, tool, operation, decision, decision_rule, policy, labels)
    WITH sipHash64(number) AS h, h % 400 AS agent_number
    SELECT lower(hex(sipHash128(intDiv(number, 10), ${day}))), lower(hex(h)), 'execute_tool',
      fromUnixTimestamp64Nano(toInt64(${begin} + intDiv(number * ${DAY_SECONDS}, ${decisions})) * 1000000000, 'UTC'),
      fromUnixTimestamp64Nano(toInt64(${begin} + intDiv(number * ${DAY_SECONDS}, ${decisions})) * 1000000000 + 5000000, 'UTC'),
      concat('agent-', toString(agent_number)), concat('team-', toString(agent_number % 40)), ['reader', 'writer'][1 + agent_number % 2],
      concat(['db_read_', 'db_write_', 'search_', 'http_get_', 'send_', 'file_read_'][1 + intDiv(h, 400) % 6], toString(intDiv(h, 2400) % 4)),
      'execute_tool', if(intDiv(h, 10000) % 25 = 0, 'deny', 'allow'), if(intDiv(h, 10000) % 25 = 0, 'default', 'allow: *'), 'now',
      map('environment', ['staging', 'production'][1 + intDiv(h, 250000) % 2], 'ancestors', ${ancestors})
    FROM numbers(${decisions})`;
}

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly residentMax: number;
  readonly report: { readonly decisions: number; readonly changes: readonly unknown[] };
}

const workspace = await createWorkspace({ governance: "" });
try {
  await fill(workspace);
  const file = join(workspace.path, "candidate.yaml");
  writeFileSync(file, CANDIDATE);
  const processor = await ProcessorProcess.start({ workspace });
  try {
    for (const window of WINDOWS) {
      const [since, until] = [window.day, window.day - 1].map((day) => new Date((END - day * DAY_SECONDS) * 1_000));
      const times = ["--since", since?.toISOString() ?? "", "--until", until?.toISOString() ?? ""];
      const { seconds, cpuSeconds, residentMax, report } = await replay([file, ...times]);
      if (report.decisions !== decisions)
        throw new Error(`${report.decisions} decisions were replayed, not ${decisions}`);
      const rate = Math.round(decisions / seconds).toLocaleString("en-US");
      console.log(
        `${window.name.padEnd(14)} ${seconds.toFixed(1).padStart(5)} s by the clock, CPU of the command ${cpuSeconds.toFixed(1)} s (${rate} decisions a second, ${report.changes.length} rows); ` +
          `resident at most: command ${mebibytes(residentMax)}, processor ${mebibytes(peakOf(processor.endpoints.pid))}`,
      );
      if ((seconds * 1_000_000) / decisions >= GOAL_SECONDS) process.exitCode = 1;
    }
  } finally {
    await processor.stop();
  }
} finally {
  await workspace.remove();
}
console.log(`(goal: ${GOAL_SECONDS} s for a million)`);

/** As an engine of the processor's own would hold them. */
async function fill({ dataDir }: Workspace): Promise<void> {
  await using engine = await startBenchEngine("tollgate", join(dataDir, "clickhouse"));
  await migrate({ url: engine.url, database: "tollgate" });
  for (const window of WINDOWS)
    await engine.storage.command(decisionsSql(window), { settings: { max_execution_time: 0 } });
}

function replay(args: readonly string[]): Promise<Run> {
  const { promise, resolve, reject } = Promise.withResolvers<Run>();
  const startedAt = performance.now();
  const command = [MAIN, "policy", "replay", ...args, "--json", "--data-dir", workspace.dataDir];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  let [text, residentMax, cpuSeconds] = ["", 0, 0];
  const timer = setInterval(() => {
    try {
      residentMax = peakOf(child.pid ?? 0);
      cpuSeconds = cpuSecondsOf(child.pid ?? 0);
    } catch {
      // It has ended: what was seen last stands.
    }
  }, SAMPLE_MS);
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.on("error", reject).on("close", (code) => {
    clearInterval(timer);
    if (code !== 0) return reject(new Error(`policy replay ended with ${code}`));
    const seconds = (performance.now() - startedAt) / 1_000;
    resolve({ seconds, cpuSeconds, residentMax, report: JSON.parse(text) as Run["report"] });
  });
  return promise;
}

/** The most that a process was ever resident, in bytes. */
function peakOf(pid: number): number {
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (peak === undefined) throw new Error("the process has ended");
  return Number(peak) * 1_024;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
