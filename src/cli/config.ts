import { Command } from "commander";
import { stringify } from "yaml";
import { readEnvironment } from "../config/environment.ts";
import { excessNotes } from "../config/governance/excess.ts";
import { outlivedWindows } from "../config/governance/outlived-windows.ts";
import { unenforced } from "../config/governance/unenforced.ts";
import { ConfigInvalid, formatProblem } from "../config/problem.ts";
import type { Setup } from "../service/setup.ts";
import { EXIT } from "./exit.ts";
import { jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";
import { counted } from "../support/counted.ts";

interface ConfigOptions {
  readonly json?: boolean;
}

/** `tollgate config validate|print`: what `serve` would make of the file and its governance documents. */
export function configCommand(output: Output): Command {
  return new Command("config")
    .description("check or show the configuration")
    .addCommand(validateCommand(output))
    .addCommand(printCommand(output));
}

function validateCommand(output: Output): Command {
  return new Command("validate")
    .description("list every problem of the file and its governance documents (exit code 2 when there is one)")
    .argument("[file]", "tollgate.yaml (default: ./tollgate.yaml when it is there)")
    .addOption(jsonOption())
    .action(async (file: string | undefined, options: ConfigOptions) => {
      try {
        const { governance, config } = await load(file);
        const counts = {
          budgets: governance.budgets.length,
          policies: governance.policies.length,
          agents: governance.agents.length,
          prices: governance.prices.length,
          tools: governance.tools.length,
          alerts: governance.alerts.length,
        };
        const { buildRegistry } = await import("../service/build-access.ts");
        const inForce = { registry: buildRegistry(governance, config), budgets: governance.budgets };
        const outlived = outlivedWindows(governance.budgets, config.storage.retention.spend);
        const notes = [...unenforced(governance), ...outlived, ...excessNotes(inForce)];
        if (options.json === true) printJson(output, { valid: true, problems: [], notes, ...counts });
        else
          for (const line of [`valid: ${countsText(counts)}`, ...notes.map((note) => `note: ${note}`)])
            output.line(line);
      } catch (error) {
        if (!(error instanceof ConfigInvalid)) throw error;
        if (options.json === true) printJson(output, { valid: false, problems: error.problems });
        else for (const problem of error.problems) process.stderr.write(`${formatProblem(problem)}\n`);
        process.exitCode = EXIT.usage;
      }
    });
}

const KINDS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  policies: ["policy", "policies"],
  prices: ["price list", "price lists"],
};

/** The names of counts are plurals. */
function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([kind, count]) => counted(count, ...(KINDS[kind] ?? [kind.replace(/s$/, ""), kind])))
    .join(", ");
}

function printCommand(output: Output): Command {
  return new Command("print")
    .description("the configuration with all defaults; secrets are not shown")
    .argument("[file]", "tollgate.yaml (default: ./tollgate.yaml when it is there)")
    .addOption(jsonOption())
    .action(async (file: string | undefined, options: ConfigOptions) => {
      const { config } = await load(file);
      // Through JSON, so that secrets take their own way out of it: [REDACTED].
      const plain: unknown = JSON.parse(JSON.stringify(config));
      if (options.json === true) printJson(output, plain);
      else output.line(stringify(plain).trimEnd());
    });
}

async function load(file: string | undefined): Promise<Setup> {
  const { loadSetup } = await import("../service/setup.ts");
  const environment = readEnvironment();
  return loadSetup({ file, dataDir: environment.dataDir, environment: environment.all });
}
