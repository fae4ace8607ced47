/** Spans as a foreign instrumentation sends them: OTLP/JSON made by hand. */
import { randomBytes } from "node:crypto";

export interface ForeignSpan {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 32 hex digits. @default random */
  readonly traceId?: string;
  /** 16 hex digits. @default random */
  readonly spanId?: string;
}

/** An export request (OTLP 1.x, JSON): `resource` are the resource's attributes. */
export function exportRequest(resource: Readonly<Record<string, string>>, spans: readonly ForeignSpan[]): unknown {
  const end = BigInt(Date.now()) * 1_000_000n;
  return {
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource) },
        scopeSpans: [
          {
            scope: { name: "foreign" },
            spans: spans.map(({ name, attributes, traceId, spanId }) => ({
              traceId: traceId ?? randomBytes(16).toString("hex"),
              spanId: spanId ?? randomBytes(8).toString("hex"),
              name,
              kind: 3,
              startTimeUnixNano: (end - 1_000_000n).toString(),
              endTimeUnixNano: end.toString(),
              attributes: keyValues(attributes),
            })),
          },
        ],
      },
    ],
  };
}

export async function postSpans(otlpUrl: string, request: unknown): Promise<Response> {
  return fetch(`${otlpUrl}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof request === "string" ? request : JSON.stringify(request),
  });
}

function keyValues(attributes: Readonly<Record<string, string | number>>): unknown {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: value.toString() },
  }));
}

export interface ForeignRecord {
  readonly eventName: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** AnyValue in OTLP/JSON. */
  readonly body?: unknown;
  /** 32 hex digits. @default none */
  readonly traceId?: string;
}

/** An export request of log records, all of one moment. */
export function logsRequest(resource: Readonly<Record<string, string>>, records: readonly ForeignRecord[]): unknown {
  const now = (BigInt(Date.now()) * 1_000_000n).toString();
  const logRecords = records.map(({ attributes, ...rest }) => ({
    timeUnixNano: now,
    severityNumber: 9,
    attributes: keyValues(attributes),
    ...rest,
  }));
  return {
    resourceLogs: [
      { resource: { attributes: keyValues(resource) }, scopeLogs: [{ scope: { name: "foreign" }, logRecords }] },
    ],
  };
}
