import { Command } from "commander";
import type { SessionReply } from "../api/sessions.ts";
import { costText } from "./cost-text.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { findProcessor, pathPart } from "./processor.ts";
import { printSpanTree } from "./span-tree.ts";

interface SessionOptions extends CommonOptions {
  readonly agent?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
}

interface SessionSummary {
  readonly session: string;
  readonly agents: readonly string[];
  readonly user: string;
  readonly last_seen: string;
  readonly traces: number;
  readonly calls: number;
  readonly denied: number;
  readonly errors: number;
  readonly cost_usd: string;
  readonly unpriced_calls: number;
}

/** `tollgate session ID`: what one session did, over all its traces and agents. Without an id: the latest sessions. */
export function sessionCommand(output: Output): Command {
  return new Command("session")
    .description("one session with all its spans; without an id, the latest sessions")
    .argument("[id]", "the session's id")
    .option("--agent <name>", "of the list: with a span of this agent (`*` and `?` match any characters)")
    .option("--since <time>", "of the list: ISO 8601 time, or how long ago (default 24h)")
    .option("--until <time>", "of the list: the same; exclusive")
    .option("--limit <n>", "of the list: at most this many (default 50, at most 1000)")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action((id: string | undefined, options: SessionOptions) =>
      id === undefined ? list(output, options) : show(output, id, options),
    );
}

async function show(output: Output, id: string, options: SessionOptions): Promise<void> {
  const reply = await findProcessor(options).get<SessionReply>(`/v1/sessions/${pathPart(id)}`);
  if (options.json === true) {
    printJson(output, reply);
    return;
  }
  const { session, agents, spans } = reply;
  const total = costText(reply.cost_usd, reply.unpriced_calls);
  const traces = new Set(spans.map((span) => span.trace_id)).size;
  output.line(printable(`session ${session}   ${agents.join(", ") || "no agent"}   ${total}   ${traces} traces`));
  if (reply.truncated) output.line(`the first ${spans.length} spans; use \`tollgate sql\` for the rest`);
  for (const [traceId, ofTrace] of Map.groupBy(spans, (span) => span.trace_id)) {
    output.line(`\ntrace ${traceId}   ${ofTrace[0]?.start.slice(0, 19) ?? ""}\n`);
    printSpanTree(output, ofTrace);
  }
}

async function list(output: Output, options: SessionOptions): Promise<void> {
  const { agent, since, until, limit } = options;
  const query = { agent, since, until, limit };
  const reply = await findProcessor(options).get<{ sessions: readonly SessionSummary[] }>("/v1/sessions", query);
  if (options.json === true) printJson(output, reply.sessions);
  else if (reply.sessions.length === 0) output.line("no sessions in that time (`--since 7d` looks further back)");
  else printTable(output, reply.sessions, COLUMNS);
}

const COLUMNS: readonly Column<SessionSummary>[] = [
  { title: "SESSION", value: (row) => row.session },
  { title: "LAST SEEN", value: (row) => row.last_seen.slice(0, 19) },
  { title: "AGENTS", value: (row) => row.agents.join(", ") || "-" },
  { title: "USER", value: (row) => row.user || "-" },
  { title: "TRACES", align: "right", value: (row) => String(row.traces) },
  { title: "CALLS", align: "right", value: (row) => String(row.calls) },
  { title: "COST", align: "right", value: (row) => costText(row.cost_usd, row.unpriced_calls) },
  { title: "DENIED", align: "right", value: (row) => String(row.denied) },
  { title: "ERRORS", align: "right", value: (row) => String(row.errors) },
];
