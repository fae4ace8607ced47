import { Command } from "commander";
import type { ServiceStatus } from "../api/status.ts";
import { EXIT } from "./exit.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";
import { findProcessor } from "./processor.ts";
import { printStatus } from "./status-page.ts";

/** `tollgate status`: what runs, what it has seen, what is wrong. Exit code 1 when something is. */
export function statusCommand(output: Output): Command {
  return new Command("status")
    .description("what runs, what it has seen, what is wrong (exit code 1 with a warning)")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (options: CommonOptions) => {
      const status = await findProcessor(options).get<ServiceStatus>("/v1/status");
      if (options.json === true) printJson(output, status);
      else printStatus(output, status);
      if (status.warnings.length > 0) process.exitCode = EXIT.finding;
    });
}
