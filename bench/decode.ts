/**
 * CPU of the hot path for each span, stage by stage: from an OTLP body of 25 attributes a span, over normalise, identity,
 * cost and meter, to a block in ClickHouse's Native format. In the same run, turn by turn: the same bodies through
 * protobufjs (or `JSON.parse`) to rows of `JSONEachRow`, with no processor at all, which is what a service would write
 * that knows the two libraries only. CPU time of this thread (the kernel counts it in steps of some ms, hence means over many rounds); the garbage collector's own threads are
 * in the last line only. How it scales over processes, and with the engine, is for the benchmark of the whole processor.
 */
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { SPAN_COLUMNS } from "../src/exporters/clickhouse/span-columns.ts";
import { decodeJsonTraces } from "../src/pdata/otlp/json-traces.ts";
import { decodeProtobufTraces } from "../src/pdata/otlp/protobuf-traces.ts";
import type { Span } from "../src/pdata/span.ts";
import { encodeNativeBlock } from "../src/pipeline/native/native-block.ts";
import { encodeBlock } from "../src/pipeline/spool/block-format.ts";
import { IDENTITY_BYTES, IdentityCell } from "../src/pdata/identity.ts";
import { writeSpanIdentity } from "../src/pdata/span-identity.ts";
import { sumSpend } from "../src/pipeline/spool/spend-sum.ts";
import { applyCost, countGatedCalls } from "../src/processors/cost/cost.ts";
import { ToldCalls } from "../src/processors/cost/told-calls.ts";
import { identify } from "../src/processors/identity/identity.ts";
import { spendOf } from "../src/processors/meter/meter.ts";
import { normalise } from "../src/processors/normalise/normalise.ts";
import { DEFAULT_RUNAWAYS } from "../src/runaway/runaway-document.ts";
import { RunawayWatch } from "../src/runaway/runaway-watch.ts";
import { watchedCall } from "../src/service/watched-call.ts";
import { ExportTraceServiceRequest } from "../test/support/otlp-descriptor.ts";
import { type EncodedRequest, genaiRequests } from "./traffic/genai-requests.ts";

const ROUNDS = 40;
const WARM_UP_ROUNDS = 10;
const RECEIVED_UNIX_MS = 1_795_000_000_000;
const STAGES = ["decode", "normalise", "identity", "cost", "meter", "watch", "spend", "columns", "block"] as const;
type Stage = (typeof STAGES)[number];
type Encoding = "protobuf" | "json";

const requests = genaiRequests({ requests: 8, spansPerRequest: 512, seed: 7 });
const spanCount = requests.reduce((sum, request) => sum + request.spanCount, 0);
const prices = createPriceBook();
const registry = { find: () => undefined, mayActAs: () => false, namesOf: () => [] };

for (const encoding of ["protobuf", "json"] as const) {
  const ours: Record<Stage, number>[] = [];
  const reference: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const stages = hotPath(encoding);
    const rows = cpuOf(() => referencePath(encoding));
    if (round < WARM_UP_ROUNDS) continue;
    ours.push(stages);
    reference.push(rows / spanCount);
  }
  report(encoding, ours, reference);
}
const { user, system } = process.cpuUsage();
console.log(`\nwhole process: ${((user + system) / 1e6).toFixed(1)} s of CPU, ${spanCount} spans a round`);

function report(encoding: Encoding, ours: readonly Record<Stage, number>[], reference: readonly number[]): void {
  const total = mean(ours.map((stages) => STAGES.reduce((sum, stage) => sum + stages[stage], 0)));
  const bodyBytes = requests.reduce((sum, request) => sum + request[encoding].length, 0) / spanCount;
  console.log(`\n${encoding}, ${bodyBytes.toFixed(0)} bytes a span          µs of CPU a span`);
  for (const stage of STAGES)
    console.log(`  ${stage.padEnd(12)} ${mean(ours.map((stages) => stages[stage])).toFixed(2)}`);
  console.log(`  ${"all of it".padEnd(12)} ${total.toFixed(2)}`);
  console.log(
    `  ${"libraries".padEnd(12)} ${mean(reference).toFixed(2)}   decoded to rows of JSONEachRow, no processors`,
  );
  console.log(`  ${(mean(reference) / total).toFixed(1)} × their CPU for less work`);
}

function hotPath(encoding: Encoding): Record<Stage, number> {
  const spent: Record<Stage, number> = {
    decode: 0,
    normalise: 0,
    identity: 0,
    cost: 0,
    meter: 0,
    watch: 0,
    spend: 0,
    columns: 0,
    block: 0,
  };
  const time = <T>(stage: Stage, work: () => T): T => {
    const start = cpuUs();
    const result = work();
    spent[stage] += (cpuUs() - start) / spanCount;
    return result;
  };
  const nested = new ToldCalls();
  const watch = new RunawayWatch({ documents: [DEFAULT_RUNAWAYS] });
  const all: Span[] = [];
  for (const request of requests) {
    const spans = time("decode", () => decode(request, encoding));
    time("normalise", () => each(spans, normalise));
    time("identity", () => each(spans, (span) => identify({ span, sender: undefined, registry })));
    time("cost", () => {
      countGatedCalls(spans, nested);
      each(spans, (span) => applyCost(span, prices, nested));
    });
    time("meter", () => each(spans, (span) => (span.facts.spend = spendOf(span))));
    time("watch", () => each(spans, (span) => watchSpan(span, watch)));
    all.push(...spans);
  }
  const spend = time("spend", () => sumSpend(all));
  const rows = all.map((span) => ({ span, receivedUnixMs: RECEIVED_UNIX_MS }));
  const payload = time("columns", () => encodeNativeBlock(SPAN_COLUMNS, rows));
  time("block", () => {
    const identities = Buffer.alloc(all.length * IDENTITY_BYTES);
    const cell = new IdentityCell();
    for (const [index, span] of all.entries()) {
      writeSpanIdentity(span, cell);
      identities.set(cell.bytes, index * IDENTITY_BYTES);
    }
    const block = { token: "bench", createdUnixMs: RECEIVED_UNIX_MS, rowCount: all.length, identities, spend, payload };
    return encodeBlock(block);
  });
  return spent;
}

function decode(request: EncodedRequest, encoding: Encoding): readonly Span[] {
  const decoded = encoding === "protobuf" ? decodeProtobufTraces(request.protobuf) : decodeJsonTraces(request.json);
  if (decoded.kind === "malformed") throw new Error(decoded.reason);
  return decoded.spans;
}

function watchSpan(span: Span, watch: RunawayWatch): void {
  const call = watchedCall(span, RECEIVED_UNIX_MS);
  if (call !== undefined) watch.see(call);
}

function each(spans: readonly Span[], work: (span: Span) => void): void {
  for (const span of spans) work(span);
}

interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** The same spans as text for `INSERT … FORMAT JSONEachRow`: ids, times and attributes, nothing understood. */
function referencePath(encoding: Encoding): number {
  let length = 0;
  for (const request of requests) {
    const message =
      encoding === "json"
        ? JSON.parse(request.json.toString())
        : ExportTraceServiceRequest.toObject(ExportTraceServiceRequest.decode(request.protobuf), { longs: String });
    for (const { resource, scopeSpans } of message.resourceSpans) {
      for (const { scope, spans } of scopeSpans)
        for (const span of spans) length += rowOf({ resource, scope, span }).length;
    }
  }
  return length;
}

// oxlint-disable-next-line typescript/no-explicit-any -- the libraries' own objects, as a service without types would use them
function rowOf({ resource, scope, span }: any): string {
  return JSON.stringify({
    trace_id: hexOf(span.traceId),
    span_id: hexOf(span.spanId),
    parent_span_id: hexOf(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    start: span.startTimeUnixNano,
    end: span.endTimeUnixNano,
    status: span.status?.code,
    scope: scope.name,
    attributes: textsOf(span.attributes),
    resource_attributes: textsOf(resource.attributes),
  });
}

function hexOf(id: string | Uint8Array): string {
  return typeof id === "string" ? id : Buffer.from(id).toString("hex");
}

function textsOf(pairs: readonly Pair[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { key, value } of pairs) {
    const [inner] = Object.values(value);
    texts[key] = typeof inner === "string" ? inner : JSON.stringify(inner);
  }
  return texts;
}

function cpuOf(work: () => unknown): number {
  const start = cpuUs();
  work();
  return cpuUs() - start;
}

function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
