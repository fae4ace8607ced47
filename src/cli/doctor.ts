import { Command, Option } from "commander";
import { CliError, EXIT } from "./exit.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";

/** What was looked at, and what to do about it. */
export interface Check {
  readonly check: string;
  /** `finding`: something is wrong. `note`: worth knowing, and may be as it should. */
  readonly state: "fine" | "note" | "finding";
  readonly detail: string;
  /** What to do; "" where there is nothing to do, or the detail says it. */
  readonly fix: string;
}

interface DoctorOptions extends CommonOptions {
  readonly config?: string;
  readonly seconds?: string;
}

/** `tollgate doctor`: the processor; `tollgate doctor -- node agent.js`: an agent, run with a probe. Exit code 1 on a finding. */
export function doctorCommand(output: Output): Command {
  return new Command("doctor")
    .description("what is wrong with the processor, or with an agent: `tollgate doctor -- node agent.js`")
    .argument("[command...]", "an agent to run with a probe: is every library that it loads gated?")
    .addOption(new Option("--config <file>", "tollgate.yaml (default: ./tollgate.yaml when it is there)"))
    .addOption(new Option("--seconds <number>", "end the agent after so long (default: when it ends by itself)"))
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (command: readonly string[], options: DoctorOptions) => {
      const [file, ...args] = command;
      if (file !== undefined) {
        const { examineAgent } = await import("./doctor-agent.ts");
        report(output, options, await examineAgent({ file, args, seconds: secondsOf(options.seconds) }));
        return;
      }
      const { examineProcessor } = await import("./doctor-processor.ts");
      const { checks, isReachable } = await examineProcessor(options);
      report(output, options, checks);
      if (!isReachable) process.exitCode = EXIT.unreachable;
    });
}

function report(output: Output, { json }: DoctorOptions, checks: readonly Check[]): void {
  const hasFinding = checks.some(({ state }) => state === "finding");
  if (json === true) printJson(output, { healthy: !hasFinding, checks });
  else {
    printTable(output, checks, [
      { title: "", value: ({ state }) => state },
      { title: "check", value: ({ check }) => check },
      { title: "what", value: ({ detail }) => detail },
    ]);
    for (const { check, fix } of checks) if (fix !== "") output.line(`fix ${printable(check)}: ${printable(fix)}`);
  }
  if (hasFinding) process.exitCode = EXIT.finding;
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new CliError(EXIT.usage, `--seconds: \`${text}\` is not a number above zero`);
}
