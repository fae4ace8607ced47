/**
 * ExportTraceServiceRequest from OTLP/JSON: ids in hex of any case, 64-bit integers as strings or numbers, enums as
 * integers, bytes as base64, lowerCamelCase names only, unknown fields ignored.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import { type BufferSource, NEW_BUFFERS } from "../../support/buffer-pool.ts";
import { emptyFacts } from "../facts.ts";
import type { Resource, Scope, Span, SpanEvent, SpanLink } from "../span.ts";
import {
  type DecodedTraces,
  MalformedError,
  OTLP_LIMITS,
  RejectionCounter,
  isLinkTarget,
  parentId,
  spanFault,
} from "./decoded.ts";
import { scanJsonTraces } from "./json-scan.ts";
import {
  type JsonObject,
  asCount,
  asId,
  asObject,
  asString,
  asTime,
  listOf,
  optionalObject,
  parseJson,
  readAttributes,
  readResource,
  readScope,
} from "./json-values.ts";

const { itemsMax } = OTLP_LIMITS;

/** Decodes the body of `POST /v1/traces` with `application/json`. Never throws. Its spans read body and buffers. */
export function decodeJsonTraces(body: Uint8Array, buffers: BufferSource = NEW_BUFFERS): DecodedTraces {
  try {
    return scanned(Buffer.from(body.buffer, body.byteOffset, body.byteLength), buffers) ?? parsed(body);
  } catch (error) {
    if (error instanceof MalformedError) return { kind: "malformed", reason: `json: ${error.message}` };
    throw error;
  }
}

/** The usual form; `undefined` for any other. */
function scanned(body: Buffer, buffers: BufferSource): DecodedTraces | undefined {
  const spans: Span[] = [];
  const rejected = new RejectionCounter();
  const isUsual = scanJsonTraces(body, {
    buffers,
    take: (span) => spans.push(span),
    readAny: (spanJson, origin) => readSpan({ spanJson, ...origin, spans, rejected }),
    giveItems: (span, { events, links }) => {
      span.events = readEvents(events);
      span.links = readLinks(links);
    },
  });
  return isUsual ? { kind: "decoded", spans, rejected: rejected.list() } : undefined;
}

/** Any form. */
function parsed(body: Uint8Array): DecodedTraces {
  const spans: Span[] = [];
  const rejected = new RejectionCounter();
  const request = asObject(parseJson(body), "request");
  for (const resourceSpans of listOf(request["resourceSpans"], "resourceSpans")) {
    readResourceSpans(asObject(resourceSpans, "resourceSpans"), spans, rejected);
  }
  return { kind: "decoded", spans, rejected: rejected.list() };
}

function readResourceSpans(resourceSpans: JsonObject, spans: Span[], rejected: RejectionCounter): void {
  const resource = readResource(resourceSpans["resource"]);
  for (const item of listOf(resourceSpans["scopeSpans"], "scopeSpans")) {
    const scopeSpans = asObject(item, "scopeSpans");
    const scope = readScope(scopeSpans["scope"]);
    for (const spanJson of listOf(scopeSpans["spans"], "spans"))
      readSpan({ spanJson, resource, scope, spans, rejected });
  }
}

interface SpanTask {
  readonly spanJson: unknown;
  readonly resource: Resource;
  readonly scope: Scope;
  readonly spans: Span[];
  readonly rejected: RejectionCounter;
}

/** A field of the wrong type is the fault of its span alone: JSON keeps its structure around it. */
function readSpan(task: SpanTask): void {
  let fault: string | undefined;
  try {
    const span = spanOf(asObject(task.spanJson, "span"), task);
    fault = spanFault(span);
    if (fault === undefined) task.spans.push(span);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    fault = error.message;
  }
  if (fault !== undefined) task.rejected.add(fault);
}

function spanOf(json: JsonObject, task: SpanTask): Span {
  const { attributes, dropped } = readAttributes(json["attributes"]);
  const status = optionalObject(json["status"]);
  return {
    resource: task.resource,
    scope: task.scope,
    traceId: asId(json["traceId"], "traceId"),
    spanId: asId(json["spanId"], "spanId"),
    parentSpanId: parentId(asId(json["parentSpanId"], "parentSpanId")),
    traceState: asString(json["traceState"]),
    flags: asCount(json["flags"], "flags"),
    name: asString(json["name"]),
    kind: asCount(json["kind"], "kind"),
    startUnixNano: asTime(json["startTimeUnixNano"], "startTimeUnixNano"),
    endUnixNano: asTime(json["endTimeUnixNano"], "endTimeUnixNano"),
    statusCode: asCount(status["code"], "status.code"),
    statusMessage: asString(status["message"]),
    attributes,
    events: readEvents(json["events"]),
    links: readLinks(json["links"]),
    droppedAttributesCount: asCount(json["droppedAttributesCount"], "droppedAttributesCount") + dropped,
    facts: emptyFacts(),
  };
}

function readEvents(json: unknown): readonly SpanEvent[] {
  return listOf(json, "events").slice(0, itemsMax).map(readEvent);
}

function readLinks(json: unknown): readonly SpanLink[] {
  return listOf(json, "links")
    .slice(0, itemsMax)
    .map(readLink)
    .filter((link) => isLinkTarget(link.traceId, link.spanId));
}

function readEvent(item: unknown): SpanEvent {
  const event = asObject(item, "event");
  return {
    timeUnixNano: asTime(event["timeUnixNano"], "timeUnixNano"),
    name: asString(event["name"]),
    attributes: readAttributes(event["attributes"]).attributes,
  };
}

function readLink(item: unknown): SpanLink {
  const link = asObject(item, "link");
  return {
    traceId: asId(link["traceId"], "traceId"),
    spanId: asId(link["spanId"], "spanId"),
    traceState: asString(link["traceState"]),
    attributes: readAttributes(link["attributes"]).attributes,
  };
}
