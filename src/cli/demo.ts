import { Command, InvalidArgumentError, Option } from "commander";

import { runDemo } from "../demo/demo.ts";
import { demoJson, demoTable } from "../demo/report.ts";

const DEFAULT_SEED = 1;
const DEFAULT_BUDGET = "$0.50";
const DEFAULT_AGENTS = 8;
const DEFAULT_CALLERS = 8;
const COUNT_MAX = 64;
const EXIT_FINDING = 1;
const EXIT_INTERRUPTED = 130;

interface DemoFlags {
  readonly json?: boolean;
  readonly seed: number;
  readonly budget: string;
  readonly agents: number;
  readonly callers: number;
}

const DESCRIPTION = `Run a fleet of real SDK agents against a local provider simulator and one hard budget.

Starts a provider simulator, a processor with an embedded ClickHouse and a fleet of agent processes (ESM and CommonJS, openai
and @anthropic-ai/sdk, streamed and not). They call until the budget refuses them; one tries a tool that the policy denies.
Ends with the provider's own count, the ledger, ClickHouse, the overshoot and the share of the budget used. Exit code 0 only
if the three counts agree to the nano-dollar, nothing was overspent, the tool was denied, one that needs an approval ran once
when it was approved and not again, and a runaway under no budget, killed by one command, acknowledged and called no more.

Nothing leaves this machine; data goes to a temporary directory that is removed at the end.`;

/** `tollgate demo`: exit 0 when the three counts agree, 1 when they do not, 130 when it was interrupted. */
export const demoCommand: Command = new Command("demo")
  .description(DESCRIPTION)
  .option("--json", "print one JSON document, and nothing else on stdout")
  .addOption(
    new Option("--seed <n>", "answers of the simulator follow from it").argParser(wholeNumber).default(DEFAULT_SEED),
  )
  .option("--budget <amount>", "limit of the fleet's one budget", DEFAULT_BUDGET)
  .addOption(new Option("--agents <n>", "agent processes").argParser(count).default(DEFAULT_AGENTS))
  .addOption(new Option("--callers <n>", "calls at once in each agent").argParser(count).default(DEFAULT_CALLERS))
  .action(async (flags: DemoFlags) => {
    const interrupted = new AbortController();
    const interrupt = (): void => interrupted.abort(new Error("interrupted"));
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    try {
      const result = await runDemo({
        ...flags,
        signal: interrupted.signal,
        onProgress: (line) => void process.stderr.write(`${line}\n`),
      });
      process.stdout.write(flags.json === true ? `${JSON.stringify(demoJson(result))}\n` : demoTable(result));
      process.exitCode = result.ok ? 0 : EXIT_FINDING;
    } catch (error) {
      if (!interrupted.signal.aborted) throw error;
      process.stderr.write("interrupted: everything that was started is stopped\n");
      process.exitCode = EXIT_INTERRUPTED;
    } finally {
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    }
  });

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("expected a whole number");
  return Number(text);
}

function count(text: string): number {
  const value = wholeNumber(text);
  if (value < 1 || value > COUNT_MAX) throw new InvalidArgumentError(`expected 1 to ${COUNT_MAX}`);
  return value;
}
