import { Command } from "commander";
import type { AnsweredRow, ApprovalRow, BypassRow } from "../api/approval-schemas.ts";
import { CliError, EXIT } from "./exit.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { findProcessor, pathPart } from "./processor.ts";

const PATH = "/v1/approvals";

/** `tollgate approvals`: what agents ask people to allow. */
export function approvalsCommand(output: Output): Command {
  const command = new Command("approvals").description("what agents ask people to allow");
  command.addCommand(list(output), { isDefault: true });
  command.addCommand(show(output));
  command.addCommand(answer(output, "approve"));
  command.addCommand(answer(output, "deny"));
  return command.addCommand(bypass(output)).addCommand(endBypass(output));
}

interface Reply {
  readonly approvals: readonly ApprovalRow[];
  readonly bypasses: readonly BypassRow[];
}

function list(output: Output): Command {
  return common(new Command("list").description("requests, newest first"))
    .option("--state <state>", "pending, approved, denied, consumed, expired, withdrawn or all", "pending")
    .option("--agent <name>", "only of this agent")
    .option("--limit <n>", "at most so many", "100")
    .action(async (options: CommonOptions & { state: string; agent?: string; limit: string }) => {
      const { state, agent, limit } = options;
      const { approvals, bypasses } = await findProcessor(options).get<Reply>(PATH, { state, agent, limit });
      if (options.json === true) return printJson(output, approvals);
      for (const each of bypasses) {
        output.line(
          printable(
            `nobody is asked for ${each.selector} (${each.tools}) until ${each.until}: ${each.reason} (${each.author}, ${each.id})`,
          ),
        );
      }
      if (approvals.length === 0) output.line(`no request is ${state}`);
      else printTable(output, approvals, COLUMNS);
    });
}

function show(output: Output): Command {
  return common(new Command("show").description("one request, with the arguments of the call"))
    .argument("<id>", "apr_…")
    .action(async (id: string, options: CommonOptions) => {
      const row = await findProcessor(options).get<ApprovalRow>(`${PATH}/${pathPart(id)}`);
      if (options.json === true) return printJson(output, row);
      for (const line of linesOf(row)) output.line(printable(line));
    });
}

function answer(output: Output, verdict: "approve" | "deny"): Command {
  const command = common(
    new Command(verdict).description(verdict === "approve" ? "let this act happen, once" : "refuse it"),
  )
    .argument("<id>", "apr_…")
    .option("--comment <text>", "why; the agent is told", "")
    .option("--digest <sha256>", "only while the arguments are still those (`approvals show`)");
  if (verdict === "approve") command.option("--arguments <json>", "what the tool is to get instead");
  return command.action(async (id: string, options: AnswerOptions) => {
    const { comment, digest, arguments: edited } = options;
    const shown = digest === undefined ? {} : { arguments_digest: digest };
    const body = { comment, ...shown, ...(edited === undefined ? {} : { arguments: parse(edited) }) };
    const row = await findProcessor(options).post<AnsweredRow>(`${PATH}/${pathPart(id)}/${verdict}`, body);
    if (options.json === true) return printJson(output, row);
    output.line(printable(answerText(row)));
  });
}

interface AnswerOptions extends CommonOptions {
  readonly comment: string;
  readonly digest?: string;
  readonly arguments?: string;
}

/** What came of an answer, and what it was about: somebody may have edited the arguments since they were looked at. */
function answerText(row: AnsweredRow): string {
  const { id, state, tool, agent, missing, repeated, edited_arguments: edited } = row;
  const instead = edited === undefined ? "" : ` with ${shortened(JSON.stringify(edited))}`;
  const still = state === "pending" && missing > 0 ? `; ${missing} more to approve` : "";
  const again = repeated ? ", and it takes somebody else: you had approved this before" : "";
  return `${id} is ${state}: ${tool} of ${agent}${instead}${still}${again}`;
}

function bypass(output: Output): Command {
  return common(new Command("bypass").description("for a while, ask nobody: recorded, and marked on every span"))
    .argument("<selector>", "whose acts: `agent=shop-*,team=x`")
    .requiredOption("--for <duration>", "at most 24h")
    .requiredOption("--reason <text>", "why")
    .option("--tools <pattern>", "only these tools", "*")
    .action(async (selector: string, options: CommonOptions & { for: string; reason: string; tools: string }) => {
      const { for: time, reason, tools } = options;
      const body = { selector, for: time, reason, tools };
      const row = await findProcessor(options).post<BypassRow>(`${PATH}/bypasses`, body);
      if (options.json === true) printJson(output, row);
      else output.line(printable(`nobody is asked for ${row.selector} (${row.tools}) until ${row.until} (${row.id})`));
    });
}

function endBypass(output: Output): Command {
  return common(new Command("end-bypass").description("ask again"))
    .argument("<id>", "byp_…")
    .action(async (id: string, options: CommonOptions) => {
      const path = `${PATH}/bypasses/${pathPart(id)}/end`;
      const row = await findProcessor(options).post<BypassRow>(path, {});
      if (options.json === true) printJson(output, row);
      else output.line(printable(`ended ${row.id}`));
    });
}

function linesOf(row: ApprovalRow): readonly string[] {
  const { arguments: asked, edited_arguments: edited } = row;
  return [
    `${row.id} ${row.state}: ${row.kind} ${row.tool} of ${row.agent}${row.session === "" ? "" : ` in ${row.session}`}`,
    `why       ${row.reason} (${row.policy} ${row.policy_version}, ${row.rule})`,
    ...(asked === undefined ? [] : [`arguments ${JSON.stringify(asked)}`]),
    ...(edited === undefined ? [] : [`edited    ${JSON.stringify(edited)}`]),
    `digest    ${row.current_digest}`,
    `asked     ${row.asked_at}; over at ${row.use_until ?? row.expires_at}`,
    `needs     ${row.quorum} to approve, ${row.missing} missing${row.barred.length === 0 ? "" : `; not ${row.barred.join(", ")}`}`,
    ...row.answers.map((each) =>
      `${each.answer.padEnd(9)} ${each.by} at ${each.at} (${each.via}) ${each.comment}`.trimEnd(),
    ),
    ...(row.used_at === null ? [] : [`used      ${row.used_at}`]),
  ];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CliError(EXIT.usage, "--arguments: not JSON");
  }
}

function common(command: Command): Command {
  return command.addOption(jsonOption()).addOption(apiOption()).addOption(dataDirOption());
}

const COLUMNS: readonly Column<ApprovalRow>[] = [
  { title: "ID", value: (row) => row.id },
  { title: "STATE", value: (row) => row.state },
  { title: "AGENT", value: (row) => row.agent },
  { title: "TOOL", value: (row) => row.tool },
  { title: "ARGUMENTS", value: (row) => shortened(row.arguments === undefined ? "" : JSON.stringify(row.arguments)) },
  { title: "WHY", value: (row) => shortened(row.reason) },
  { title: "MISSING", align: "right", value: (row) => String(row.missing) },
  { title: "UNTIL", value: (row) => row.use_until ?? row.expires_at },
];

const CELL_MAX = 60;

function shortened(text: string): string {
  return text.length <= CELL_MAX ? text : `${text.slice(0, CELL_MAX - 1)}…`;
}
