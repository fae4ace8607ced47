import { printable } from "../support/printable.ts";
import { Command, CommanderError } from "commander";
import { readEnvironment } from "../config/environment.ts";
import { ConfigInvalid } from "../config/problem.ts";
import { errorText } from "../telemetry/error-text.ts";
import { TOLLGATE_VERSION } from "../service/version.ts";
import { CliError, EXIT } from "./exit.ts";
import { type Output, stdout } from "./output.ts";
import { guardStandardStreams } from "./standard-streams.ts";

/** The command line. Sets `process.exitCode`; see src/cli/exit.ts for what it says. Never rejects. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  guardStandardStreams({ outlivesReader: OUTLIVE_READER.has(argv[0] ?? "") });
  try {
    const program = await buildProgram({ argv, output: stdout(readEnvironment()) });
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** What these have begun is not over because nobody reads on: `serve` holds the barrier, `demo` ends its processes. */
const OUTLIVE_READER: ReadonlySet<string> = new Set(["serve", "demo"]);

type MakeCommand = (output: Output) => Promise<Command>;

/** Each is loaded when it is asked for: a question to the processor should not wait for the engine, the server or the demo. */
const COMMANDS: Readonly<Record<string, MakeCommand>> = {
  serve: async () => (await import("./serve.ts")).serveCommand(),
  demo: async () =>
    (await import("./demo.ts")).demoCommand.summary("a fleet of real SDK agents against one hard budget"),
  status: async (output) => (await import("./status.ts")).statusCommand(output),
  budgets: async (output) => (await import("./budgets.ts")).budgetsCommand(output),
  spend: async (output) => (await import("./spend.ts")).spendCommand(output),
  traces: async (output) => (await import("./traces.ts")).tracesCommand(output),
  trace: async (output) => (await import("./trace.ts")).traceCommand(output),
  approvals: async (output) => (await import("./approvals.ts")).approvalsCommand(output),
  session: async (output) => (await import("./session.ts")).sessionCommand(output),
  tail: async (output) => (await import("./tail.ts")).tailCommand(output),
  kill: async (output) => (await import("./kill.ts")).stopCommand("kill", output),
  pause: async (output) => (await import("./kill.ts")).stopCommand("pause", output),
  resume: async (output) => (await import("./kill.ts")).resumeCommand(output),
  incident: async (output) => (await import("./incidents.ts")).incidentCommand(output),
  tokens: async (output) => (await import("./credentials.ts")).tokensCommand(output),
  agents: async (output) => (await import("./agents.ts")).agentsCommand(output),
  changes: async (output) => (await import("./changes.ts")).changesCommand(output),
  policy: async (output) => (await import("./policy.ts")).policyCommand(output),
  plan: async (output) => (await import("./policy-replay.ts")).planCommand(output),
  apply: async (output) => (await import("./apply.ts")).applyCommand(output),
  audit: async (output) => (await import("./audit.ts")).auditCommand(output),
  sql: async (output) => (await import("./sql.ts")).sqlCommand(output),
  hash: async (output) => (await import("./hash.ts")).hashCommand(output),
  doctor: async (output) => (await import("./doctor.ts")).doctorCommand(output),
  config: async (output) => (await import("./config.ts")).configCommand(output),
};

async function buildProgram(options: { readonly argv: readonly string[]; readonly output: Output }): Promise<Command> {
  const program = new Command("tollgate")
    .description("An OpenTelemetry audit pipeline for AI agents that also holds the barrier.")
    .version(TOLLGATE_VERSION)
    .showHelpAfterError("(see --help)");
  const [name = ""] = options.argv;
  const asked = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  for (const make of asked === undefined ? Object.values(COMMANDS) : [asked]) {
    program.addCommand(await make(options.output));
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
  // It may quote what the processor or an agent wrote.
  process.stderr.write(`tollgate: ${errorText(error).split("\n").map(printable).join("\n")}\n`);
  return error instanceof CliError ? error.exitCode : EXIT.finding;
}
