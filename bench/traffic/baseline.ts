/**
 * What people do without Tollgate, as fast as the usual parts make it: the requests are decoded by protobufjs, turned into
 * rows, and inserted by `@clickhouse/client` as JSONEachRow into the same table in an engine of the same kind. It is spared the HTTP
 * server, prices, budgets, deduplication and the disk. A process of its own: `node baseline.ts '{"seconds":…}'`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@clickhouse/client";
import { EmbeddedEngine } from "../../src/storage/embedded/engine.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { ExportTraceServiceRequest } from "../../test/support/otlp-descriptor.ts";
import { cpuSecondsOf } from "./process-figures.ts";
import { stampedRequests } from "./stamped-requests.ts";

export interface BaselineResult {
  readonly spans: number;
  readonly rows: number;
  /** CPU of decoding, turning and sending; of the engine. */
  readonly cpuSeconds: number;
  readonly engineCpuSeconds: number;
}

interface Any {
  readonly stringValue?: string;
  readonly intValue?: { toString(): string };
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values: readonly Any[] };
}
interface KeyValue {
  readonly key: string;
  readonly value: Any;
}
interface Message {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly Span[] }[];
  }[];
}
interface Span {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array;
  readonly name: string;
  readonly startTimeUnixNano: { toString(): string };
  readonly endTimeUnixNano: { toString(): string };
  readonly attributes: readonly KeyValue[];
}

const task = JSON.parse(process.argv[2] ?? "{}") as {
  readonly seconds: number;
  readonly spansPerRequest: number;
  readonly rowsPerInsert: number;
};
const directory = await mkdtemp(join(tmpdir(), "tollgate-baseline-"));
const engine = new EmbeddedEngine({ dataDir: directory });
const { url, pid } = await engine.start();
await migrate({ url, username: "default", password: "", database: "tollgate" });
const client = createClient({ url, database: "tollgate" });
try {
  const requests = stampedRequests({
    encoding: "protobuf",
    requests: 8,
    spansPerRequest: task.spansPerRequest,
    seed: 99,
  });
  await insertFor({ requests, seconds: 1, from: 0n });
  const before = { own: ownCpuSeconds(), engine: cpuSecondsOf(pid) };
  const spans = await insertFor({ requests, seconds: task.seconds, from: 1_000_000n });
  const cpuSeconds = ownCpuSeconds() - before.own;
  const engineCpuSeconds = cpuSecondsOf(pid) - before.engine;
  const result: BaselineResult = { spans, rows: spans, cpuSeconds, engineCpuSeconds };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await client.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
}

async function insertFor(options: {
  readonly requests: ReturnType<typeof stampedRequests>;
  readonly seconds: number;
  readonly from: bigint;
}): Promise<number> {
  const { requests, seconds, from } = options;
  const endMs = performance.now() + seconds * 1_000;
  let spans = 0;
  let rows: object[] = [];
  for (let turn = 0; performance.now() < endMs; turn += 1) {
    const request = requests[turn % requests.length];
    if (request === undefined) throw new RangeError("no request");
    request.stamp(from + BigInt(turn), Date.now());
    const message = ExportTraceServiceRequest.decode(request.bytes) as unknown as Message;
    rows.push(...rowsOf(message));
    if (rows.length < task.rowsPerInsert) continue;
    await client.insert({ table: "span_log", values: rows, format: "JSONEachRow" });
    spans += rows.length;
    rows = [];
  }
  return spans;
}

function rowsOf(message: Message): readonly object[] {
  const receivedAt = (Date.now() / 1_000).toFixed(3);
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const resourceAttributes = textsOf(resource.attributes);
    return scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        ...rowOf(span),
        service: resourceAttributes["service.name"],
        team: resourceAttributes["team"],
        scope: scope.name,
        resource_attributes: resourceAttributes,
        received_at: receivedAt,
      })),
    );
  });
}

function rowOf(span: Span): object {
  const attributes = textsOf(span.attributes);
  const start = span.startTimeUnixNano.toString();
  const end = span.endTimeUnixNano.toString();
  return {
    trace_id: Buffer.from(span.traceId).toString("hex"),
    span_id: Buffer.from(span.spanId).toString("hex"),
    parent_span_id: Buffer.from(span.parentSpanId).toString("hex"),
    name: span.name,
    kind: "client",
    start: decimalSeconds(start),
    end: decimalSeconds(end),
    duration_ns: String(BigInt(end) - BigInt(start)),
    status: "ok",
    agent: attributes["gen_ai.agent.name"],
    session: attributes["gen_ai.conversation.id"],
    user: attributes["user.id"],
    operation: attributes["gen_ai.operation.name"],
    provider: attributes["gen_ai.provider.name"] ?? "",
    request_model: attributes["gen_ai.request.model"] ?? "",
    model: attributes["gen_ai.response.model"] ?? "",
    tool: attributes["gen_ai.tool.name"] ?? "",
    input_tokens: attributes["gen_ai.usage.input_tokens"] ?? "0",
    output_tokens: attributes["gen_ai.usage.output_tokens"] ?? "0",
    attributes,
  };
}

/** Nanoseconds as the decimal seconds that a DateTime64(9) reads. */
function decimalSeconds(unixNano: string): string {
  return `${unixNano.slice(0, -9)}.${unixNano.slice(-9)}`;
}

function textsOf(attributes: readonly KeyValue[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { key, value } of attributes) texts[key] = textOf(value);
  return texts;
}

/** Of a oneof, protobufjs has what was on the wire as the object's own, and defaults on its prototype. */
function textOf(value: Any): string {
  const [kind] = Object.keys(value) as (keyof Any)[];
  if (kind === undefined) return "";
  if (kind === "arrayValue") return JSON.stringify((value.arrayValue?.values ?? []).map(textOf));
  return String(value[kind]);
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
