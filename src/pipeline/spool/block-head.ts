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
  let isFirst = true;
  for (const entry of spend) {
    sink.ascii(isFirst ? "{" : ",{");
    writeEntry(sink, entry);
    isFirst = false;
  }
  sink.ascii("]}");
}

function writeEntry(sink: ByteSink, { labels, leaseId, amounts }: SpendEntry): void {
  sink.ascii('"labels":{');
  let isFirst = true;
  for (const name of Object.keys(labels)) {
    if (!isFirst) sink.ascii(",");
    sink.json(name);
    sink.ascii(":");
    sink.json(labels[name] ?? "");
    isFirst = false;
  }
  sink.ascii('},"lease_id":');
  sink.json(leaseId);
  sink.ascii(',"nano_usd":"');
  sink.digits(amounts.nanoUsd);
  sink.ascii('","tokens":"');
  sink.digits(amounts.tokens);
  sink.ascii('","calls":"');
  sink.digits(amounts.calls);
  sink.ascii('"');
  if (amounts.kinds !== undefined) writeKinds(sink, amounts.kinds);
  sink.ascii("}");
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
