/**
 * Spans as OTLP/JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), written as text at once: what the SDK's own
 * serializer makes of a span on the way costs more than all else about sending it. Each span is written when it has ended, so that a
 * batch of them is only put together.
 */
import type { Attributes, HrTime } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** Where a span keeps its text until it is sent. */
const TEXT = Symbol("tollgate.json");
type Written = ReadableSpan & { [TEXT]?: string };

/** Bits 8 and 9 of `flags`: whether the parent was remote is known, and that it was. */
const KNOWS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** One request: spans by their resource and scope. */
export function toOtlpJson(spans: readonly ReadableSpan[]): string {
  const resources = new Map<ReadableSpan["resource"], Map<string, string[]>>();
  for (const span of spans) {
    let scopes = resources.get(span.resource);
    if (scopes === undefined) resources.set(span.resource, (scopes = new Map()));
    const { name, version = "", schemaUrl } = span.instrumentationScope;
    const scope = `"scope":${JSON.stringify({ name, version })}${schemaUrl === undefined ? "" : `,"schemaUrl":${JSON.stringify(schemaUrl)}`}`;
    const texts = scopes.get(scope);
    if (texts === undefined) scopes.set(scope, [textOf(span)]);
    else texts.push(textOf(span));
  }
  const parts: string[] = [];
  for (const [{ attributes, schemaUrl }, scopes] of resources) {
    const scopeSpans = [...scopes].map(([scope, texts]) => `{${scope},"spans":[${texts.join()}]}`);
    const schema = schemaUrl === undefined ? "" : `,"schemaUrl":${JSON.stringify(schemaUrl)}`;
    parts.push(`{"resource":{"attributes":${keyValues(attributes)}},"scopeSpans":[${scopeSpans.join()}]${schema}}`);
  }
  return `{"resourceSpans":[${parts.join()}]}`;
}

/** Writes the text of a span that has ended, for `toOtlpJson` to find. */
export function writeText(span: ReadableSpan): void {
  (span as Written)[TEXT] = spanText(span);
}

function textOf(span: ReadableSpan): string {
  return (span as Written)[TEXT] ?? spanText(span);
}

function spanText(span: ReadableSpan): string {
  const { traceId, spanId, traceState, traceFlags } = span.spanContext();
  const parent = span.parentSpanContext;
  let text = `{"traceId":"${traceId}","spanId":"${spanId}"`;
  if (traceState !== undefined) text += `,"traceState":${JSON.stringify(traceState.serialize())}`;
  if (parent !== undefined) text += `,"parentSpanId":"${parent.spanId}"`;
  text += `,"flags":${flagsOf(traceFlags, parent?.isRemote)},"name":${JSON.stringify(span.name)},"kind":${span.kind + 1}`;
  text += `,"startTimeUnixNano":"${nanos(span.startTime)}","endTimeUnixNano":"${nanos(span.endTime)}"`;
  text += `,"attributes":${keyValues(span.attributes)}`;
  if (span.events.length > 0) text += `,"events":[${span.events.map(eventText).join()}]`;
  if (span.links.length > 0) text += `,"links":[${span.links.map(linkText).join()}]`;
  const { droppedAttributesCount, droppedEventsCount, droppedLinksCount } = span;
  if (droppedAttributesCount > 0) text += `,"droppedAttributesCount":${droppedAttributesCount}`;
  if (droppedEventsCount > 0) text += `,"droppedEventsCount":${droppedEventsCount}`;
  if (droppedLinksCount > 0) text += `,"droppedLinksCount":${droppedLinksCount}`;
  const { code, message } = span.status;
  return `${text},"status":{"code":${code}${message === undefined ? "" : `,"message":${JSON.stringify(message)}`}}}`;
}

function eventText({
  name,
  time,
  attributes = {},
  droppedAttributesCount = 0,
}: ReadableSpan["events"][number]): string {
  return `{"name":${JSON.stringify(name)},"timeUnixNano":"${nanos(time)}","attributes":${keyValues(attributes)},"droppedAttributesCount":${droppedAttributesCount}}`;
}

function linkText({ context, attributes = {}, droppedAttributesCount = 0 }: ReadableSpan["links"][number]): string {
  const { traceId, spanId, traceFlags, isRemote } = context;
  return `{"traceId":"${traceId}","spanId":"${spanId}","flags":${flagsOf(traceFlags, isRemote)},"attributes":${keyValues(attributes)},"droppedAttributesCount":${droppedAttributesCount}}`;
}

function flagsOf(traceFlags: number, isRemote: boolean | undefined): number {
  return (traceFlags & 0xff) | KNOWS_IS_REMOTE | (isRemote === true ? IS_REMOTE : 0);
}

/** Nanoseconds since 1970, in digits. */
export function nanos([seconds, rest]: HrTime): string {
  return seconds === 0 ? String(rest) : `${seconds}${String(rest).padStart(9, "0")}`;
}

/** The same few keys come with every span. */
const keyTexts = new Map<string, string>();
const KEY_TEXTS_MAX = 4_096;

function keyText(key: string): string {
  let text = keyTexts.get(key);
  if (text !== undefined) return text;
  text = `{"key":${JSON.stringify(key)},"value":`;
  if (keyTexts.size >= KEY_TEXTS_MAX) keyTexts.clear();
  keyTexts.set(key, text);
  return text;
}

function keyValues(attributes: Attributes): string {
  let text = "";
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) text += `${text === "" ? "" : ","}${keyText(key)}${anyValue(value)}}`;
  }
  return `[${text}]`;
}

function anyValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return `{"stringValue":${JSON.stringify(value)}}`;
    case "boolean":
      return `{"boolValue":${value}}`;
    case "number":
      if (Number.isSafeInteger(value)) return `{"intValue":"${value}"}`;
      // Those that are no numbers in JSON are words in Protobuf's.
      return `{"doubleValue":${Number.isFinite(value) ? value : JSON.stringify(String(value))}}`;
    default:
      return Array.isArray(value) ? `{"arrayValue":{"values":[${value.map(anyValue).join()}]}}` : "{}";
  }
}
