/**
 * The head of a block's file: what the block is, and what it cost, as JSON. Written by hand, for a block has a set of labels
 * for every other span: `JSON.stringify` took as long for them as all else that is done to write a block.
 */
import type { SpendEntry, SpendKinds } from "../../pdata/spend.ts";
import type { ByteSink } from "../native/byte-sink.ts";

interface Head {
  readonly version: 1;
  readonly token: string;
  readonly created_unix_ms: number;
  readonly rows: number;
  readonly reason?: string;
  readonly spend: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly lease_id: string;
    readonly nano_usd: string;
    readonly tokens: string;
    readonly calls: string;
    /** Input, output, cached and reasoning tokens, tool calls; then, where there are some, calls and tokens without a price. */
    readonly kinds?: readonly [string, string, string, string, string, string?, string?];
  }[];
}

/** What a block's head says of it. */
export interface HeadFacts {
  /** Deduplication token, unique for ever: the insert and the ledger's observation are idempotent by it. */
  readonly token: string;
  readonly createdUnixMs: number;
  readonly rowCount: number;
  readonly spend: readonly SpendEntry[];
  /** Why it was set aside, if it was. */
  readonly reason?: string;
}

/** Writes the JSON, in UTF-8. */
export function writeHead(sink: ByteSink, { token, createdUnixMs, rowCount, reason, spend }: HeadFacts): void {
  const told = { version: 1, token, created_unix_ms: createdUnixMs, rows: rowCount };
  const start = JSON.stringify(reason === undefined ? told : { ...told, reason });
  sink.raw(Buffer.from(start.slice(0, -1)));
  sink.ascii(',"spend":[');
  let before: WrittenLabels | undefined;
  for (const { labels, leaseId, amounts } of spend) {
    sink.ascii(before === undefined ? "{" : ",{");
    before = writeLabels(sink, labels, before);
    writeAmounts(sink, leaseId, amounts);
    sink.ascii("}");
  }
  sink.ascii("]}");
}

/** Labels as they stand in the head. */
interface WrittenLabels {
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** Where the first begins. */
  readonly start: number;
  /** Where each ends. */
  readonly ends: readonly number[];
}

/** What a resource gives to all its spans comes first, and is copied from the labels before. */
function writeLabels(sink: ByteSink, labels: SpendEntry["labels"], before: WrittenLabels | undefined): WrittenLabels {
  sink.ascii('"labels":{');
  const names = Object.keys(labels);
  const values = Object.values(labels);
  const start = sink.length;
  const ends: number[] = [];
  if (before !== undefined) {
    const shift = start - before.start;
    for (let place = 0; isSamePlace(place, { names, values }, before); place += 1) {
      ends.push((before.ends[place] ?? 0) + shift);
    }
    sink.repeat(before.start, (ends.at(-1) ?? start) - start);
  }
  for (let place = ends.length; place < names.length; place += 1) {
    if (place > 0) sink.ascii(",");
    sink.json(names[place] ?? "");
    sink.ascii(":");
    sink.json(values[place] ?? "");
    ends.push(sink.length);
  }
  sink.ascii("},");
  return { names, values, start, ends };
}

function isSamePlace(
  place: number,
  { names, values }: Pick<WrittenLabels, "names" | "values">,
  before: WrittenLabels,
): boolean {
  return place < names.length && names[place] === before.names[place] && values[place] === before.values[place];
}

function writeAmounts(sink: ByteSink, leaseId: string, amounts: SpendEntry["amounts"]): void {
  sink.ascii('"lease_id":');
  sink.json(leaseId);
  sink.ascii(',"nano_usd":"');
  sink.digits(amounts.nanoUsd);
  sink.ascii('","tokens":"');
  sink.digits(amounts.tokens);
  sink.ascii('","calls":"');
  sink.digits(amounts.calls);
  sink.ascii('"');
  if (amounts.kinds !== undefined) writeKinds(sink, amounts.kinds);
}

function writeKinds(sink: ByteSink, kinds: SpendKinds): void {
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens, toolCalls, unpricedCalls, unpricedTokens } = kinds;
  sink.ascii(',"kinds":["');
  sink.digits(inputTokens);
  for (const amount of [outputTokens, cachedTokens, reasoningTokens, toolCalls]) writeNext(sink, amount);
  if (unpricedCalls !== 0n || unpricedTokens !== 0n) {
    writeNext(sink, unpricedCalls);
    writeNext(sink, unpricedTokens);
  }
  sink.ascii('"]');
}

function writeNext(sink: ByteSink, amount: bigint): void {
  sink.ascii('","');
  sink.digits(amount);
}

/** The checksum holds, so the head is what this program wrote: only its version can differ. */
export function parseHead(json: Buffer): Head | undefined {
  const head = JSON.parse(json.toString("utf8")) as Head;
  return head.version === 1 ? head : undefined;
}

/** What the block of this head spent. */
export function spendOf(head: Head): SpendEntry[] {
  return head.spend.map((entry) => ({
    labels: entry.labels,
    leaseId: entry.lease_id,
    amounts: {
      nanoUsd: BigInt(entry.nano_usd),
      tokens: BigInt(entry.tokens),
      calls: BigInt(entry.calls),
      ...readKinds(entry),
    },
  }));
}

function readKinds({ kinds }: Head["spend"][number]): Pick<SpendEntry["amounts"], "kinds"> {
  if (kinds === undefined) return {};
  const [input, output, cached, reasoning, tools, unpricedCalls = "0", unpricedTokens = "0"] = kinds;
  return {
    kinds: {
      inputTokens: BigInt(input),
      outputTokens: BigInt(output),
      cachedTokens: BigInt(cached),
      reasoningTokens: BigInt(reasoning),
      toolCalls: BigInt(tools),
      unpricedCalls: BigInt(unpricedCalls),
      unpricedTokens: BigInt(unpricedTokens),
    },
  };
}
