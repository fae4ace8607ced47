import { Command } from "commander";
import type { ChangeRow } from "../api/changes.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { findProcessor } from "./processor.ts";

/** `tollgate changes`: who changed what governs the fleet. */
export function changesCommand(output: Output): Command {
  return new Command("changes")
    .description("who changed documents, raises, kills, approvals and credentials")
    .option("--limit <n>", "at most so many, the newest", "100")
    .option("--action <name>", "only these: `kill`, `credential`, `document`, …")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (options: CommonOptions & { readonly limit: string; readonly action?: string }) => {
      const { limit, action } = options;
      const reply = await findProcessor(options).get<Reply>("/v1/audit/changes", { limit, action });
      if (options.json === true) printJson(output, reply);
      else if (reply.changes.length === 0) output.line("nothing was changed");
      else printTable(output, reply.changes, COLUMNS);
    });
}

interface Reply {
  readonly changes: readonly ChangeRow[];
  readonly head: string;
}

const COLUMNS: readonly Column<ChangeRow>[] = [
  { title: "AT", value: (row) => row.at },
  { title: "AUTHOR", value: (row) => row.author },
  { title: "ACTION", value: (row) => row.action },
  { title: "SUBJECT", value: (row) => row.subject },
];
