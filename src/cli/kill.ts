import { Command } from "commander";
import type { AffectedProcess, ResumeReply, StopReply } from "../api/kill-schemas.ts";
import { EXIT } from "./exit.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { findProcessor } from "./processor.ts";

const SELECTOR = "`agent=shop-*,team=x`, any label, a bare word for an agent, or `all`";

/** `tollgate kill` and `tollgate pause`. Exit code 1 when a process that it concerns did not acknowledge. */
export function stopCommand(act: "kill" | "pause", output: Output): Command {
  const command = new Command(act)
    .description(act === "kill" ? "stop agents until they are resumed" : "hold agents' calls until they are resumed")
    .argument("<selector>", SELECTOR);
  if (act === "kill") command.requiredOption("--reason <text>", "why; the agents' errors say it");
  else command.option("--reason <text>", "why; the agents' errors say it", "");
  return common(command).action(async (selector: string, options: CommonOptions & { readonly reason: string }) => {
    const body = { act, selector, reason: options.reason };
    const reply = await findProcessor(options).post<StopReply>("/v1/kill", body);
    const { id, selector: meant } = reply.stop;
    const title = `${act === "kill" ? "killed" : "paused"} ${meant} (${id})`;
    print(output, options, reply, `${title}${shortcomings(reply)}`);
    // A name with a slip in it stops nobody.
    if (reply.processes.length === 0 && options.json !== true)
      output.line("no process that is known matches: it holds for those that start; names are in `tollgate agents`");
    // One that was not heard of may still spend what its lease holds. One that missed its resumption only waits longer.
    const isSilent = reply.processes.some((each) => !each.acknowledged);
    if (isSilent || shortcomings(reply) !== "") process.exitCode = EXIT.finding;
  });
}

/** `tollgate resume`: lifts by selector, or one act by its id. */
export function resumeCommand(output: Output): Command {
  const command = new Command("resume")
    .description("lift kills and pauses")
    .argument("<selector>", `the same selector, or the id of an act`);
  return common(command).action(async (selector: string, options: CommonOptions) => {
    const body = /^stop_[0-9a-f]{16}$/.test(selector) ? { id: selector } : { selector };
    const reply = await findProcessor(options).post<ResumeReply>("/v1/kill/resume", body);
    print(output, options, reply, `resumed ${reply.lifted.map((act) => `${act.selector} (${act.id})`).join(", ")}`);
  });
}

/** In what an act falls short of being in force everywhere and for good; "" when it does not. */
function shortcomings({ durable, everywhere, processors }: StopReply): string {
  const found = [
    ...(durable ? [] : ["the disk refused it: only until a restart"]),
    ...(everywhere === false ? ["the processors' store is away: at this one only, until it is back"] : []),
    ...(processors === undefined || processors.answered >= processors.told
      ? []
      : [`${processors.answered} of ${processors.told} other processors answered; all find it within a second`]),
  ];
  return found.map((each) => `; ${each}`).join("");
}

function common(command: Command): Command {
  return command.addOption(jsonOption()).addOption(apiOption()).addOption(dataDirOption());
}

function print(output: Output, options: CommonOptions, reply: StopReply | ResumeReply, title: string): void {
  if (options.json === true) printJson(output, reply);
  else {
    output.line(printable(title));
    output.line(`${reply.acknowledged} of ${reply.listening} listening processes acknowledged`);
    if (reply.processes.length > 0) printTable(output, reply.processes, COLUMNS);
  }
}

const COLUMNS: readonly Column<AffectedProcess>[] = [
  { title: "AGENT", value: (row) => row.agent },
  { title: "PID", align: "right", value: (row) => String(row.pid) },
  { title: "ACKNOWLEDGED", value: (row) => (row.acknowledged ? `after ${row.after_ms ?? 0} ms` : silence(row)) },
  { title: "ABORTED CALLS", align: "right", value: (row) => String(row.aborted_calls) },
];

function silence(row: AffectedProcess): string {
  return `no (${row.connected ? "listening" : "not listening"}); its lease ends by ${row.lease_ends_at ?? ""}`;
}
