/** Spans of an export request in Protobuf, as a decoder that somebody else wrote reads them, in the shape of OTLP/JSON. */
import { conventionProblems } from "./genai-conventions.ts";
import { ExportTraceServiceRequest } from "./otlp-descriptor.ts";

export interface SentValue {
  readonly [kind: string]: unknown;
}

export interface SentAttribute {
  readonly key: string;
  readonly value: SentValue;
}

/** What is not there is left out, as on the wire; ids are in Base64. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes?: readonly SentAttribute[];
  readonly [field: string]: unknown;
}

export interface SentScope {
  readonly scope: { readonly name: string; readonly version?: string };
  readonly spans: readonly SentSpan[];
}

interface SentRequest {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly SentScope[] }[];
}

/** Throws for what is no such request. */
export function sentScopes(body: Uint8Array): readonly SentScope[] {
  const request = ExportTraceServiceRequest.decode(body);
  const plain = ExportTraceServiceRequest.toObject(request, { longs: String, bytes: String }) as SentRequest;
  const { resourceSpans = [] } = plain;
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans);
}

export function sentSpans(body: Uint8Array): readonly SentSpan[] {
  return sentScopes(body).flatMap(({ spans }) => spans);
}

/** Integers as their digits. */
export function attributesOf({ attributes = [] }: SentSpan): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** Of the gate's own spans. */
const TRACER_NAME = "@tollgate/instrumentation";
/** On the wire all kinds are one more than in the API, where zero is an internal one. */
const KIND_OFFSET = 1;

/** What is wrong by the GenAI conventions with the spans that the gate of another process has sent; empty when nothing is. */
export function sentProblems(body: Uint8Array): readonly string[] {
  const scopes = sentScopes(body).filter(({ scope }) => scope.name === TRACER_NAME);
  return scopes.flatMap(({ spans }) =>
    spans.flatMap(({ name, kind, status, attributes = [] }) =>
      conventionProblems({
        name,
        kind: Number(kind ?? 0) - KIND_OFFSET,
        status: { code: Number((status as { readonly code?: unknown } | undefined)?.code ?? 0) },
        attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)])),
      }),
    ),
  );
}

function valueOf(value: SentValue): unknown {
  const [kind = "", inner] = Object.entries(value)[0] ?? [];
  if (kind === "intValue") return Number(inner);
  if (kind !== "arrayValue") return inner;
  const { values = [] } = inner as { readonly values?: readonly SentValue[] };
  return values.map(valueOf);
}
