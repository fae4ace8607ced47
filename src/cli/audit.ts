import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { Command } from "commander";
import type { KnownHead } from "../audit/verify/checkpoint-check.ts";
import type { Finding, VerifyReport } from "../audit/verify/finding.ts";
import { chunkSource, type ExportSource, fileSource } from "../audit/verify/export-source.ts";
import { readExport } from "../audit/verify/read-export.ts";
import { Verifier } from "../audit/verify/verifier.ts";
import { isPublicKey, type PublicKey } from "../audit/signing-keys.ts";
import { counted } from "../support/counted.ts";
import { errorText } from "../telemetry/error-text.ts";
import { CliError, EXIT } from "./exit.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { findProcessor } from "./processor.ts";

interface WindowOptions extends CommonOptions {
  readonly since?: string;
  readonly until?: string;
}

interface VerifyOptions extends WindowOptions {
  readonly file?: string;
  readonly key?: readonly string[];
  readonly anchor?: string;
}

const FINDINGS_SHOWN = 100;

/** `tollgate audit`: whether the records of a window are all there, and what they were. */
export function auditCommand(output: Output): Command {
  return new Command("audit")
    .description("whether the audit records are complete and unchanged")
    .addCommand(verifyCommand(output))
    .addCommand(exportCommand())
    .addCommand(keysCommand(output));
}

function verifyCommand(output: Output): Command {
  return withWindow(new Command("verify"))
    .description("say for a window: complete, or which records were changed, dropped, inserted or reordered")
    .option("--file <export>", "an export instead of the processor: needs no processor, only a public key")
    .option("--key <base64...>", "public keys that are trusted, as `audit keys` prints them (default: the processor's)")
    .option("--anchor <file>", "heads that were kept elsewhere, one JSON object a line")
    .action(async (_options: VerifyOptions, command: Command) => {
      const options = command.optsWithGlobals<VerifyOptions>();
      if (options.file !== undefined && options.key === undefined)
        throw new CliError(
          EXIT.usage,
          "an export proves nothing without a key that is known from elsewhere: add `--key`",
        );
      for (const key of options.key ?? []) requireKey(key);
      const anchored = options.anchor === undefined ? [] : await readHeads(options.anchor);
      const verifier = new Verifier({ trusted: options.key, anchored });
      if (options.file === undefined) await readInto(verifier, chunkSource(await fetchExport(options)));
      else await readFileInto(verifier, options.file);
      const report = verifier.finish();
      if (options.json === true) printJson(output, report);
      else printReport(output, report);
      if (!report.complete) process.exitCode = EXIT.finding;
    });
}

async function readFileInto(verifier: Verifier, file: string): Promise<void> {
  const handle = await open(file).catch((error: unknown) => {
    throw new CliError(EXIT.usage, `\`--file ${file}\`: ${errorText(error)}`);
  });
  try {
    await readInto(verifier, fileSource(handle));
  } finally {
    await handle.close();
  }
}

async function readInto(verifier: Verifier, source: ExportSource): Promise<void> {
  try {
    await readExport(verifier, source);
  } catch (error) {
    throw new CliError(EXIT.unreachable, `the export ended early: ${errorText(error)}`);
  }
}

function exportCommand(): Command {
  return withWindow(new Command("export"))
    .description("write everything that `audit verify --file` needs for a window")
    .requiredOption("--out <file>", "where to; `-` is standard output")
    .action(async (_options: WindowOptions & { readonly out: string }, command: Command) => {
      const options = command.optsWithGlobals<WindowOptions & { readonly out: string }>();
      const lines = await fetchExport(options);
      if (options.out === "-") await pipeline(lines, process.stdout, { end: false });
      else await pipeline(lines, createWriteStream(options.out, { mode: 0o600 }));
    });
}

function keysCommand(output: Output): Command {
  return new Command("keys")
    .description("the public keys that checkpoints are signed with, oldest first")
    .option("--rotate", "sign with a new key from now on")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (_options: CommonOptions, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { readonly rotate?: boolean }>();
      const processor = findProcessor(options);
      if (options.rotate === true) await processor.post<PublicKey>("/v1/audit/keys/rotate", {});
      const { keys } = await processor.get<{ readonly keys: readonly PublicKey[] }>("/v1/audit/keys");
      if (options.json === true) printJson(output, keys);
      else printTable(output, keys, KEY_COLUMNS);
    });
}

const KEY_COLUMNS: readonly Column<PublicKey>[] = [
  { title: "ID", value: (key) => key.id },
  { title: "PUBLIC KEY", value: (key) => key.public_key },
  { title: "SINCE", value: (key) => key.created_at },
  { title: "ENDORSED BY", value: (key) => key.endorsed_by || "-" },
];

function withWindow(command: Command): Command {
  return command
    .option("--since <time>", "ISO 8601 time, or how long ago: 15m, 24h, 7d (default: everything kept)")
    .option("--until <time>", "the same; exclusive")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption());
}

async function fetchExport(options: WindowOptions): Promise<Readable> {
  const { since, until } = options;
  const body = await findProcessor(options).stream("/v1/audit/export", { since, until });
  return Readable.fromWeb(body as ReadableStream<Uint8Array>);
}

function requireKey(key: string): void {
  if (isPublicKey(key)) return;
  throw new CliError(
    EXIT.usage,
    `\`--key\`: \`${printable(key)}\` is no public key: 44 characters of base64, as \`tollgate audit keys\` prints them`,
  );
}

/** Loaded when it is asked for, as it brings the schemas along. */
async function readHeads(file: string): Promise<readonly KnownHead[]> {
  const { readAnchoredHeads } = await import("./anchored-heads.ts");
  return await readAnchoredHeads(file);
}

function printReport(output: Output, report: VerifyReport): void {
  const { records, chains, open_chains: open, checkpoints } = report;
  if (report.complete)
    output.line(
      `complete: ${counted(records, "record")} of ${counted(chains, "process", "processes")} are there and unchanged`,
    );
  else {
    printTable(output, report.findings.slice(0, FINDINGS_SHOWN), FINDING_COLUMNS);
    const more = report.more_findings + Math.max(0, report.findings.length - FINDINGS_SHOWN);
    if (more > 0) output.line(`and ${more} more (--json shows ${report.findings.length})`);
    output.line(
      `NOT complete: ${counted(report.findings.length, "finding")} in ${counted(records, "record")} of ${counted(chains, "process", "processes")}`,
    );
  }
  const notes = [
    `${counted(checkpoints, "signed checkpoint")} checked`,
    open > 0 ? `${counted(open, "process", "processes")} with an open end (running, or killed)` : "",
    report.unsigned > 0 ? `${counted(report.unsigned, "record")} not signed yet` : "",
    report.redacted > 0 ? `${counted(report.redacted, "record")} with redacted names, whose hashes hold` : "",
    report.expired > 0 ? `${counted(report.expired, "record")} gone by retention, whose hashes hold` : "",
    report.unchained > 0 ? `${counted(report.unchained, "record")} of the gate without a link` : "",
  ];
  for (const note of notes) if (note !== "") output.line(`  ${note}`);
}

const FINDING_COLUMNS: readonly Column<Finding>[] = [
  { title: "FINDING", value: (row) => row.kind },
  { title: "AGENT", value: (row) => row.agent || "-" },
  { title: "CHAIN", value: (row) => row.chain.slice(0, 8) || "-" },
  { title: "PLACE", align: "right", value: placeOf },
  { title: "TRACE", value: (row) => row.trace_id || "-" },
  { title: "WHAT", value: (row) => printable(row.detail) },
];

function placeOf({ from, to }: Finding): string {
  if (from === 0) return "-";
  return from === to ? String(from) : `${from}-${to}`;
}
