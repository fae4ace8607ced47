import { Command } from "commander";
import type { PutReply } from "../api/governance.ts";
import { readEnvironment } from "../config/environment.ts";
import type { DocumentChange } from "../config/governance/document-changes.ts";
import { diffLines } from "./document-diff.ts";
import { CliError, EXIT } from "./exit.ts";
import { readGovernanceFiles } from "./governance-files.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";
import { printable } from "../support/printable.ts";
import { findProcessor } from "./processor.ts";
import { counted } from "../support/counted.ts";

interface ApplyOptions extends CommonOptions {
  readonly files?: boolean;
  readonly dryRun?: boolean;
  readonly expect?: string;
  readonly reason?: string;
}

/** `tollgate apply DIR`: all documents of a directory in force at the running processor, or none. */
export function applyCommand(output: Output): Command {
  return new Command("apply")
    .description("put all documents of a directory in force, in place of those that are; every change is on record")
    .argument("[dir]", "governance documents")
    .option("--files", "go back to the files of the processor's `governance.paths`")
    .option("--dry-run", "only say what would change")
    .option("--expect <version>", "refuse when another version is in force, such as the one a plan was made on")
    .option("--reason <text>", "why; kept with the record")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (directory: string | undefined, options: ApplyOptions) => {
      if ((directory === undefined) !== (options.files === true))
        throw new CliError(EXIT.usage, "give a directory, or `--files`");
      const reply = await send(directory, options);
      if (options.json === true) printJson(output, reply);
      else printReply(output, reply);
    });
}

/** What is wrong with the documents is found here, where their lines are known; the processor checks them again. */
function send(directory: string | undefined, options: ApplyOptions): Promise<PutReply> {
  const { dryRun, expect, reason } = options;
  const terms = {
    ...(reason === undefined ? {} : { reason }),
    ...(expect === undefined ? {} : { expected_version: expect }),
    dry_run: dryRun === true,
  };
  const processor = findProcessor(options);
  if (directory === undefined) return processor.post("/v1/governance/files", terms);
  const { documents } = readGovernanceFiles(directory, readEnvironment().all);
  const sent = documents.map(({ file, value }) => ({ file, document: value }));
  return processor.post("/v1/governance", { documents: sent, ...terms });
}

function printReply(output: Output, { outcome, version, changes, notes }: PutReply): void {
  for (const line of diffLines(changes as readonly DocumentChange[])) output.line(printable(line));
  for (const note of notes) output.line(printable(`note: ${note}`));
  const documents = counted(changes.length, "document");
  if (outcome === "unchanged") output.line(`nothing to change; version ${version} is in force`);
  else if (outcome === "planned") output.line(`would change ${documents}, to version ${version}`);
  else output.line(`changed ${documents}; version ${version} is in force`);
}
