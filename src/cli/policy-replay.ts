import { Command } from "commander";
import { readEnvironment } from "../config/environment.ts";
import type { Environment } from "../config/yaml-document.ts";
import type { GovernanceReply } from "../api/governance.ts";
import { type RecordedDecisions, replay, type ReplayReport, type ReplayRow } from "../policy/replay.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { budgetReportJson, printBudgetReport, replayBudgets } from "./budget-replay.ts";
import { diffLines } from "./document-diff.ts";
import { findProcessor } from "./processor.ts";
import { type Candidate, candidateOfDirectory, candidateOfFiles } from "./replay-candidate.ts";

interface ReplayCommandOptions extends CommonOptions {
  readonly since: string;
  readonly until?: string;
}

interface Recorded {
  readonly since_ms: number;
  readonly groups: readonly RecordedDecisions[];
  readonly truncated: boolean;
}

const ROWS_SHOWN = 100;
const ORDER = ["newly_denied", "newly_asked", "newly_allowed", "depends"] as const;

/** `tollgate policy replay FILE`: a candidate over what was decided; agents that it does not name are left alone. */
export function policyReplayCommand(output: Output): Command {
  const command = new Command("replay")
    .description("what policies and budgets would have changed: newly denied, asked and allowed; calls stopped")
    .argument("<file...>", "policies and budgets; tools, agents and labels may stand beside them");
  return withOptions(command).action((files: readonly string[], _options: ReplayCommandOptions, self: Command) => {
    const read: ReadCandidate = (inForce, environment) => candidateOfFiles(files, inForce, environment);
    return run({ read, isWhole: false, options: self.optsWithGlobals<ReplayCommandOptions>(), output });
  });
}

/** `tollgate plan DIR`: the same of a whole set of documents; an agent that none is for has no policy then. */
export function planCommand(output: Output): Command {
  const command = new Command("plan")
    .description("what the documents of a directory change, and would have changed, if they alone had been in force")
    .argument("<dir>", "governance documents");
  return withOptions(command).action((directory: string, _options: ReplayCommandOptions, self: Command) => {
    const read: ReadCandidate = (inForce, environment) => candidateOfDirectory(directory, inForce, environment);
    return run({ read, isWhole: true, options: self.optsWithGlobals<ReplayCommandOptions>(), output });
  });
}

function withOptions(command: Command): Command {
  return command
    .option("--since <time>", "ISO 8601 time, or how long ago: 15m, 24h, 7d", "7d")
    .option("--until <time>", "the same; exclusive")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption());
}

type ReadCandidate = (inForce: GovernanceReply, environment: Environment) => Candidate;

interface Run {
  readonly read: ReadCandidate;
  readonly isWhole: boolean;
  readonly options: ReplayCommandOptions;
  readonly output: Output;
}

async function run({ read, isWhole, options, output }: Run): Promise<void> {
  const processor = findProcessor(options);
  const candidate = read(await processor.get<GovernanceReply>("/v1/governance"), readEnvironment().all);
  const { since, until } = options;
  const recorded = await processor.get<Recorded>("/v1/decisions/recorded", { since, until });
  const report = replay(recorded.groups, { ...candidate, isWhole });
  const budgets = await replayBudgets({ processor, budgets: candidate.budgets, fromMs: recorded.since_ms, until });
  const { changes: documents, notes } = candidate;
  if (options.json === true) {
    const planned = isWhole ? { documents, notes } : {};
    printJson(output, {
      ...planned,
      ...report,
      ...(budgets === undefined ? {} : { budgets: budgetReportJson(budgets) }),
    });
  } else {
    for (const line of diffLines(documents)) output.line(printable(line));
    for (const note of notes) output.line(printable(`note: ${note}`));
    printReport(output, report);
    if (budgets !== undefined) printBudgetReport(output, budgets);
  }
  if (recorded.truncated) process.stderr.write("the rarest decisions are left out: choose a shorter time\n");
}

function printReport(output: Output, { decisions, unchanged, not_governed: others, changes }: ReplayReport): void {
  const rows = changes.toSorted(
    (a, b) => ORDER.indexOf(a.change) - ORDER.indexOf(b.change) || b.decisions - a.decisions,
  );
  if (rows.length > 0) printTable(output, rows.slice(0, ROWS_SHOWN), COLUMNS);
  if (rows.length > ROWS_SHOWN) output.line(`and ${rows.length - ROWS_SHOWN} more (--json shows all)`);
  const totals = ORDER.map((change) => {
    const count = rows.reduce((sum, row) => sum + (row.change === change ? row.decisions : 0), 0);
    return `${count} ${change === "depends" ? "depend on what is not recorded" : change.replace("_", " ")}`;
  });
  output.line(`${decisions} decisions: ${totals.join(", ")}, ${unchanged} unchanged, ${others} of other agents`);
}

const COLUMNS: readonly Column<ReplayRow>[] = [
  { title: "CHANGE", value: (row) => row.change.replace("_", " ") },
  { title: "AGENT", value: (row) => row.agent },
  { title: "TOOL", value: (row) => row.tool },
  { title: "WAS", value: (row) => row.was },
  { title: "BECOMES", value: (row) => row.becomes },
  { title: "RULE", value: (row) => row.rule || "-" },
  { title: "DECISIONS", align: "right", value: (row) => String(row.decisions) },
  { title: "TRACE", value: (row) => row.traces[0] ?? "-" },
];
