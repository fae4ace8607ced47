import { Command, CommanderError } from "commander";
import { readEnvironment } from "../config/environment.ts";
import { ConfigInvalid } from "../config/problem.ts";
import { errorText } from "../telemetry/telemetry.ts";
import { TOLLGATE_VERSION } from "../service/version.ts";
import { budgetsCommand } from "./budgets.ts";
import { configCommand } from "./config.ts";
import { CliError, EXIT } from "./exit.ts";
import { type Output, stdout } from "./output.ts";
import { serveCommand } from "./serve.ts";
import { spendCommand } from "./spend.ts";
import { sqlCommand } from "./sql.ts";
import { statusCommand } from "./status.ts";
import { traceCommand } from "./trace.ts";
import { tracesCommand } from "./traces.ts";

/** The command line. Sets `process.exitCode`; see src/cli/exit.ts for what it says. Never rejects. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  try {
    const program = await buildProgram({ argv, output: stdout(readEnvironment()) });
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = report(error);
  }
}

async function buildProgram(options: { readonly argv: readonly string[]; readonly output: Output }): Promise<Command> {
  const { output } = options;
  const program = new Command("tollgate")
    .description("An OpenTelemetry audit pipeline for AI agents that also holds the barrier.")
    .version(TOLLGATE_VERSION)
    .showHelpAfterError("(see --help)");
  program
    .addCommand(serveCommand())
    .addCommand(statusCommand(output))
    .addCommand(budgetsCommand(output))
    .addCommand(spendCommand(output))
    .addCommand(tracesCommand(output))
    .addCommand(traceCommand(output))
    .addCommand(sqlCommand(output))
    .addCommand(configCommand(output));
  // The demo brings a provider simulator along: only who asks for it, or for the list of commands, waits for that.
  const [first] = options.argv;
  if (first === undefined || first === "demo" || first === "help" || first.startsWith("-")) {
    const { demoCommand } = await import("./demo.ts");
    program.addCommand(demoCommand.summary("run a fleet of real SDK agents against a local simulator and one hard budget"));
  }
  exitByException(program);
  return program;
}

/** Commander ends the process by itself otherwise, before output is flushed. */
function exitByException(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) exitByException(child);
}

function report(error: unknown): number {
  // Commander has printed its own message. Help and version are fine, the rest is bad usage.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  if (error instanceof ConfigInvalid) {
    process.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  process.stderr.write(`tollgate: ${errorText(error)}\n`);
  return error instanceof CliError ? error.exitCode : EXIT.finding;
}
