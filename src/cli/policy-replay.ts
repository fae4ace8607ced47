import { Command } from "commander";
import { readEnvironment } from "../config/environment.ts";
import type { Environment } from "../config/yaml-document.ts";
import type { GovernanceReply } from "../api/governance.ts";
import type { RecordedDecisionsLine } from "../api/recorded-decisions.ts";
import { DecisionReplay, type RecordedDecisions, type ReplayReport, type ReplayRow } from "../policy/replay.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { timeOfText } from "../support/time-text.ts";
import { budgetReportJson, printBudgetReport, replayBudgets } from "./budget-replay.ts";
import { diffLines } from "./document-diff.ts";
import { CliError, EXIT } from "./exit.ts";
import { eachLine } from "./lines.ts";
import { findProcessor } from "./processor.ts";
import { type Candidate, candidateOfDirectory, candidateOfFiles } from "./replay-candidate.ts";

interface ReplayCommandOptions extends CommonOptions {
  readonly since: string;
  readonly until?: string;
}

const ROWS_SHOWN = 100;
/** As many as the processor sends. */
const KINDS_MAX = 2_000_000;
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
  const { fromMs, since, until } = windowOf(options);
  const replay = new DecisionReplay({ ...candidate, isWhole });
  const kinds = await eachLine<RecordedDecisionsLine>(
    processor,
    { path: "/v1/decisions/recorded", query: { since, until } },
    (line) => replay.take(groupOf(line)),
  );
  const report = replay.report();
  const budgets = await replayBudgets({ processor, budgets: candidate.budgets, fromMs, until });
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
  if (kinds >= KINDS_MAX) process.stderr.write("some decisions are left out: choose a shorter time\n");
}

/** The same window for decisions and for calls, whenever each is asked for. */
function windowOf(options: ReplayCommandOptions): { fromMs: number; since: string; until: string | undefined } {
  const nowMs = Date.now();
  const parsed = (name: "since" | "until", text: string): number => {
    const time = timeOfText(text, nowMs);
    if (time !== undefined) return time;
    throw new CliError(
      EXIT.usage,
      `--${name}: expected an ISO 8601 time or a duration such as \`24h\`, not \`${text}\``,
    );
  };
  const fromMs = parsed("since", options.since);
  const untilMs = options.until === undefined ? undefined : parsed("until", options.until);
  return { fromMs, since: iso(fromMs), until: untilMs === undefined ? undefined : iso(untilMs) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function groupOf(line: RecordedDecisionsLine): RecordedDecisions {
  const [agent, team, role, environment, ancestors, autonomy, tool, decision, rule, decisions, traces] = line;
  return { agent, team, role, environment, ancestors, autonomy, tool, decision, rule, decisions, traces };
}

function printReport(output: Output, report: ReplayReport): void {
  const { decisions, unchanged, not_governed: others, changes, left_out: leftOut } = report;
  const rows = changes.toSorted((a, b) => ORDER.indexOf(a.change) - ORDER.indexOf(b.change));
  if (rows.length > 0) printTable(output, rows.slice(0, ROWS_SHOWN), COLUMNS);
  if (rows.length > ROWS_SHOWN) output.line(`and ${rows.length - ROWS_SHOWN} more (--json shows all)`);
  const totals = ORDER.map((change) => {
    return `${report.totals[change]} ${change === "depends" ? "depend on what is not recorded" : change.replace("_", " ")}`;
  });
  output.line(`${decisions} decisions: ${totals.join(", ")}, ${unchanged} unchanged, ${others} of other agents`);
  if (leftOut > 0) output.line(`${leftOut} that changed are in no row: there are too many rows`);
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
