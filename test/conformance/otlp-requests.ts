/** What the tests of the specification send: one item of each signal in each encoding, over bare HTTP. */
import { once } from "node:events";
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import { type Field, spanFields } from "../fixtures/otlp/protobuf-encoder.ts";
import type { Rig } from "../integration/receivers/rig.ts";

export const PROTOBUF = "application/x-protobuf";
export const JSON_TYPE = "application/json";
const TIME_BEYOND_INT64 = 18_446_744_073_709_551_615n;

export interface SignalCase {
  readonly signal: string;
  readonly path: string;
  readonly method: string;
  readonly rejectedKey: string;
  /** One item as JSON, and requests around items. */
  readonly json: object;
  readonly badJson: object;
  readonly jsonRequest: (items: readonly object[]) => object;
  readonly protobuf: readonly Field[];
  readonly badProtobuf: readonly Field[];
  readonly emptyEnvelope: object;
  readonly count: (rig: Rig) => number;
}

export const SPAN_JSON = {
  traceId: "5B8EFFF798038103D269B633813FC60C",
  spanId: "EEE19B7EC3C1B174",
  name: "chat",
  kind: 3,
  startTimeUnixNano: "1795000000000000000",
  endTimeUnixNano: "1795000001000000000",
};

export const SIGNALS: readonly SignalCase[] = [
  {
    signal: "traces",
    path: "/v1/traces",
    method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    rejectedKey: "rejectedSpans",
    json: SPAN_JSON,
    badJson: { ...SPAN_JSON, traceId: "00" },
    jsonRequest: (spans) => ({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
    protobuf: spanFields(1),
    badProtobuf: [],
    emptyEnvelope: { resourceSpans: [{ scopeSpans: [{}] }, {}] },
    count: (rig) => rig.batches.flatMap((batch) => batch.spans).length,
  },
  {
    signal: "logs",
    path: "/v1/logs",
    method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    rejectedKey: "rejectedLogRecords",
    json: { timeUnixNano: "1795000000000000000", eventName: "gen_ai.choice" },
    badJson: { timeUnixNano: "soon" },
    jsonRequest: (logRecords) => ({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }),
    protobuf: [
      [1, 1_795_000_000_000_000_000n, "fixed64"],
      [12, "gen_ai.choice"],
    ],
    badProtobuf: [[1, TIME_BEYOND_INT64, "fixed64"]],
    emptyEnvelope: { resourceLogs: [{ scopeLogs: [{}] }, {}] },
    count: (rig) => rig.logBatches.flatMap((batch) => batch.records).length,
  },
];

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface PostOptions {
  readonly path: string;
  readonly type?: string | undefined;
  readonly body?: Buffer | object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly agent?: Agent;
}

export async function send(rig: Rig, options: PostOptions): Promise<Reply> {
  const { path, type, body = Buffer.alloc(0), headers = {}, method = "POST", agent } = options;
  const request = httpRequest(rig.receiver.httpUrl ?? "", {
    path,
    method,
    headers: { ...(type === undefined ? {} : { "content-type": type }), ...headers },
    ...(agent === undefined ? {} : { agent }),
  });
  request.end(Buffer.isBuffer(body) ? body : JSON.stringify(body));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

export const jsonOf = (reply: Reply): unknown => JSON.parse(reply.body.toString());
