import { Command, Option } from "commander";
import type { AgentRow } from "../api/agents.ts";
import { agentKeyCommands } from "./credentials.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { costText } from "./cost-text.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { markdownText } from "./markdown.ts";
import { printable } from "../support/printable.ts";
import { findProcessor } from "./processor.ts";

interface AgentsOptions extends CommonOptions {
  readonly risk?: boolean;
  readonly format: "table" | "csv" | "markdown";
}

/** `tollgate agents`: who they are and what they did; with `--risk` the register of risks; below it, their keys. */
export function agentsCommand(output: Output): Command {
  const command = new Command("agents")
    .description("agents: who they are, what they did in the last day, and the keys that were issued to them")
    .option("--risk", "the register of risks: likelihood by evidence, impact by declaration, gaps")
    .addOption(new Option("--format <format>", "of the table").choices(["table", "csv", "markdown"]).default("table"))
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (options: AgentsOptions) => {
      const { agents } = await findProcessor(options).get<{ agents: readonly AgentRow[] }>("/v1/agents");
      if (options.json === true) return printJson(output, agents);
      const columns = options.risk === true ? RISK_COLUMNS : COLUMNS;
      if (options.format !== "table") return printText(output, agents, { columns, format: options.format });
      if (agents.length === 0) return output.line("no agents: none is registered, and none said hello");
      printTable(output, agents, columns);
      for (const line of agents.flatMap(({ beyond }) => beyond)) output.line(printable(line));
      for (const { name, autonomy, proposal } of agents) {
        if (proposal === null) continue;
        output.line(printable(`${name}: from ${autonomy ?? ""} to ${proposal.autonomy}? ${proposal.because}`));
      }
    });
  for (const each of agentKeyCommands(output)) command.addCommand(each);
  return command;
}

/** An open incident takes some of what the document says. */
function autonomyText({ autonomy, autonomy_now: now }: AgentRow): string {
  return now === autonomy ? (autonomy ?? "") : `${autonomy ?? "none"}, now ${now ?? "none"}`;
}

const COLUMNS: readonly Column<AgentRow>[] = [
  { title: "AGENT", value: (row) => row.name },
  { title: "OWNER", value: (row) => row.owner ?? "" },
  { title: "TEAM", value: (row) => row.team ?? "" },
  { title: "AUTONOMY", value: autonomyText },
  { title: "PROCESSES", align: "right", value: (row) => String(row.processes) },
  { title: "KEYS", align: "right", value: (row) => String(row.keys) },
  { title: "ACTS", align: "right", value: (row) => String(row.acts) },
  { title: "DENIED", align: "right", value: (row) => String(row.denied) },
  { title: "ERRORS", align: "right", value: (row) => String(row.errors) },
  { title: "COST", align: "right", value: (row) => costText(row.cost_usd, row.unpriced_calls) },
  { title: "RISK", value: (row) => row.risk },
];

const RISK_COLUMNS: readonly Column<AgentRow>[] = [
  { title: "AGENT", value: (row) => row.name },
  { title: "OWNER", value: (row) => row.owner ?? "" },
  { title: "RISK", value: (row) => row.risk },
  { title: "LIKELIHOOD", value: (row) => row.likelihood },
  { title: "IMPACT", value: (row) => row.impact },
  { title: "AUTONOMY", value: autonomyText },
  {
    title: "PROPOSAL",
    value: ({ proposal }) => (proposal === null ? "" : `${proposal.autonomy}: ${proposal.because}`),
  },
  { title: "EVIDENCE", value: (row) => row.evidence },
  { title: "GAPS", value: (row) => row.gaps.join(", ") },
  { title: "BEYOND", align: "right", value: (row) => String(row.beyond.length) },
  { title: "REVIEWED", value: (row) => row.reviewed ?? "never" },
  { title: "ROLLBACK", value: (row) => row.rollback ?? "" },
];

function printText(
  output: Output,
  rows: readonly AgentRow[],
  { columns, format }: { readonly columns: readonly Column<AgentRow>[]; readonly format: "csv" | "markdown" },
): void {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map((column) => column.value(row)))];
  if (format === "csv") {
    for (const line of cells) output.line(line.map(csvCell).join(","));
    return;
  }
  const [head = "", ...body] = cells.map((line) => `| ${line.map(markdownText).join(" | ")} |`);
  output.line(head);
  output.line(`| ${columns.map(() => "---").join(" | ")} |`);
  for (const line of body) output.line(line);
}

/** RFC 4180; a cell that a spreadsheet would run as a formula is made a text. */
export function csvCell(value: string): string {
  const text = /^\s*[=+@\uff1d\uff0b\uff20\uff0d-]|^[\t\r]/.test(value) ? `'${value}` : value;
  return `"${printable(text).replaceAll('"', '""')}"`;
}
