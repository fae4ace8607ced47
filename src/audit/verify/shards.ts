/**
 * Verifies a long export on several threads: chains stand for themselves, so each thread has some of them, with all keys and checkpoints.
 * A line goes to its thread by the first digits of its chain, unparsed; whatever is of no chain goes to all. Short exports, and machines
 * with one core, are verified where they are read. The report is the same.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ATTR_TOLLGATE_AUDIT_CHAIN } from "@tollgate/instrumentation/semconv";
import { Findings, type VerifyReport } from "./finding.ts";
import { shardOfChain } from "./shard-of-chain.ts";
import { type ExportHead, TOO_MANY_RECORDS, Verifier, type VerifierOptions } from "./verifier.ts";

export interface ShardOptions extends VerifierOptions {
  /** @default as many as there are cores, at most four */
  readonly threads?: number;
  /** Exports up to this size are verified without threads. @default 16 MiB */
  readonly quietBytes?: number;
}

const THREADS_MAX = 4;
const QUIET_BYTES = 16_777_216;
const BATCH_BYTES = 1_048_576;
/** Batches that a thread has been sent and not verified. */
const AHEAD_MAX = 4;
const NEWLINE = 10;
const RECORD = Buffer.from('["record"');
const EXPORT = Buffer.from('["export"');
const LINK = Buffer.from('["link"');
const CHAIN_OF_RECORD = Buffer.from(`"${ATTR_TOLLGATE_AUDIT_CHAIN}":"`);
const QUOTE = 34;

/** Rejects with what `input` ends in. */
export async function verifyExport(input: AsyncIterable<Uint8Array>, options: ShardOptions): Promise<VerifyReport> {
  const { threads = Math.min(availableParallelism(), THREADS_MAX), quietBytes = QUIET_BYTES } = options;
  const first: Buffer[] = [];
  const lines = linesOf(input);
  let bytes = 0;
  for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
    first.push(next.value);
    bytes += next.value.length;
    if (threads > 1 && bytes > quietBytes) return verifyOnThreads(first, lines, { ...options, threads });
  }
  const verifier = new Verifier(options);
  for (const line of first) verifier.add(line.toString());
  return verifier.finish();
}

async function verifyOnThreads(
  first: readonly Buffer[],
  rest: AsyncGenerator<Buffer, void>,
  { trusted, anchored, threads }: VerifierOptions & { readonly threads: number },
): Promise<VerifyReport> {
  const shards = Array.from({ length: threads }, (_, index) => {
    return new Shard({ trusted, anchored: anchored ?? [], shard: { index, of: threads } });
  });
  try {
    for (const line of first) await send(shards, line);
    for await (const line of rest) await send(shards, line);
    const report = merged(await Promise.all(shards.map((shard) => shard.finish())));
    return report.records < recordsMaxOf(first) ? report : withTooMany(report);
  } finally {
    await Promise.all(shards.map((shard) => shard.stop()));
  }
}

async function send(shards: readonly Shard[], line: Buffer): Promise<void> {
  const shard = shardOfLine(line, shards.length);
  if (shard !== undefined) return shards[shard]?.add(line);
  for (const each of shards) await each.add(line);
}

/** `undefined`: all of them. What has no chain, and what is no line at all, is the first one's. */
function shardOfLine(line: Buffer, of: number): number | undefined {
  if (startsWith(line, RECORD)) {
    const at = line.indexOf(CHAIN_OF_RECORD);
    return at < 0 ? 0 : shardAt(line, at + CHAIN_OF_RECORD.length, of);
  }
  if (!startsWith(line, LINK)) return undefined;
  return shardAt(line, line.indexOf(QUOTE, LINK.length) + 1, of);
}

function startsWith(line: Buffer, start: Buffer): boolean {
  return line.length > start.length && line.compare(start, 0, start.length, 0, start.length) === 0;
}

function shardAt(line: Buffer, at: number, of: number): number {
  return shardOfChain(line.toString("latin1", at, at + 2), of);
}

/** Lines as bytes, without their ends. */
async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of input) {
    const bytes: Buffer = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      if (end > from) yield bytes.subarray(from, end);
      from = end + 1;
    }
    rest = bytes.subarray(from);
  }
  if (rest.length > 0) yield rest;
}

function merged(reports: readonly VerifyReport[]): VerifyReport {
  const [first, ...others] = reports;
  if (first === undefined) throw new RangeError("an export is verified on one thread at least");
  return others.reduce((sum, report): VerifyReport => {
    return {
      ...sum,
      complete: sum.complete && report.complete,
      chains: sum.chains + report.chains,
      open_chains: sum.open_chains + report.open_chains,
      records: sum.records + report.records,
      redacted: sum.redacted + report.redacted,
      expired: sum.expired + report.expired,
      unsigned: sum.unsigned + report.unsigned,
      unchained: sum.unchained + report.unchained,
      findings: [...sum.findings, ...report.findings],
      more_findings: sum.more_findings + report.more_findings,
    };
  }, first);
}

/** As the export's first line says it: no thread sees all records. */
function recordsMaxOf(lines: readonly Buffer[]): number {
  const line = lines.find((each) => startsWith(each, EXPORT));
  try {
    const [, , head] = JSON.parse(line?.toString() ?? "[]") as readonly [string?, string?, Partial<ExportHead>?];
    return head?.records_max ?? Infinity;
  } catch {
    // Told as damaged by the thread that reads it.
    return Infinity;
  }
}

function withTooMany(report: VerifyReport): VerifyReport {
  const findings = new Findings();
  findings.add("export_damaged", TOO_MANY_RECORDS);
  return { ...report, complete: false, findings: [...findings.list, ...report.findings] };
}

/** What a thread is started with. */
export type ShardTask = Required<VerifierOptions>;
/** What it is sent: lines with their ends, or nothing more. */
export type ShardMessage = { readonly lines: Uint8Array } | "end";
/** What it answers: a batch is verified, or all is. */
export type ShardAnswer = "taken" | { readonly report: VerifyReport };

class Shard {
  readonly #worker: Worker;
  readonly #ended = Promise.withResolvers<VerifyReport>();
  #batch: Buffer[] = [];
  #bytes = 0;
  #ahead = 0;
  #onTaken: () => void = () => {};

  constructor(task: ShardTask) {
    const file = import.meta.url.endsWith(".ts") ? "./shard-thread.ts" : "./shard-thread.js";
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: task });
    this.#ended.promise.catch(() => {});
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("a thread of the verification ended")));
    this.#worker.on("message", (answer: ShardAnswer) => {
      if (answer !== "taken") return this.#ended.resolve(answer.report);
      this.#ahead -= 1;
      this.#onTaken();
    });
  }

  async add(line: Buffer): Promise<void> {
    this.#batch.push(line);
    this.#bytes += line.length;
    if (this.#bytes < BATCH_BYTES) return;
    this.#flush();
    while (this.#ahead >= AHEAD_MAX) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onTaken = resolve;
      // One that failed takes nothing any more.
      await Promise.race([promise, this.#ended.promise]);
    }
  }

  finish(): Promise<VerifyReport> {
    this.#flush();
    this.#post("end");
    return this.#ended.promise;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const lines = new Uint8Array(this.#bytes + this.#batch.length);
    let at = 0;
    for (const line of this.#batch) {
      lines.set(line, at);
      at += line.length;
      lines[at] = NEWLINE;
      at += 1;
    }
    this.#batch = [];
    this.#bytes = 0;
    this.#ahead += 1;
    this.#post({ lines }, [lines.buffer]);
  }

  #post(message: ShardMessage, moved: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, moved);
  }

  #fail(error: Error): void {
    this.#ended.reject(error);
    this.#onTaken();
  }
}
