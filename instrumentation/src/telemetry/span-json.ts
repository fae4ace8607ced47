/**
 * Spans as OTLP/JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), written as text at once: what the SDK's own
 * serializer makes of a span on the way costs more than all else about sending it. Each span is written when it has ended, so that a
 * batch of them is only put together.
 */
import type { Attributes, HrTime } from "@opentelemetry/api";
import type { ExportResult } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { KeyLists } from "../audit/key-lists.ts";
import { saidBy } from "./said.ts";
import type { Said } from "./said.ts";
import { bytesOf } from "./text-pages.ts";

/** A span that waits to be sent: its text, what stands above it in a request, and nothing else of it, so that the rest can go at once. */
export interface WrittenSpan {
  readonly name: string;
  readonly resource: ReadableSpan["resource"];
  readonly scope: ReadableSpan["instrumentationScope"];
  /** JSON in UTF-8. */
  readonly text: Uint8Array;
}

/** What sends them. */
export interface WrittenSpanExporter {
  export(spans: readonly WrittenSpan[], done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
}

/** Bits 8 and 9 of `flags`: whether the parent was remote is known, and that it was. */
const KNOWS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** One request: spans by their resource and scope. */
export function toOtlpJson(spans: readonly WrittenSpan[]): Buffer {
  const resources = new Map<WrittenSpan["resource"], Map<WrittenSpan["scope"], Uint8Array[]>>();
  for (const { resource, scope, text } of spans) {
    let scopes = resources.get(resource);
    if (scopes === undefined) resources.set(resource, (scopes = new Map()));
    const texts = scopes.get(scope);
    if (texts === undefined) scopes.set(scope, [text]);
    else texts.push(text);
  }
  const parts: Uint8Array[] = [];
  const say = (text: string): void => void parts.push(Buffer.from(text));
  for (const [{ attributes, schemaUrl }, scopes] of resources) {
    say(
      `${parts.length === 0 ? '{"resourceSpans":[' : ","}{"resource":{"attributes":${keyValues(attributes)}},"scopeSpans":[`,
    );
    let before = "";
    for (const [scope, texts] of scopes) {
      say(`${before}{${scopeText(scope)},"spans":[`);
      for (let place = 0; place < texts.length; place += 1) {
        if (place > 0) parts.push(COMMA);
        parts.push(texts[place] as Uint8Array);
      }
      say("]}");
      before = ",";
    }
    say(`]${schemaUrl === undefined ? "" : `,"schemaUrl":${JSON.stringify(schemaUrl)}`}}`);
  }
  say(parts.length === 0 ? '{"resourceSpans":[]}' : "]}");
  return Buffer.concat(parts);
}

const COMMA = Buffer.from(",");

function scopeText({ name, version = "", schemaUrl }: WrittenSpan["scope"]): string {
  return `"scope":${JSON.stringify({ name, version })}${schemaUrl === undefined ? "" : `,"schemaUrl":${JSON.stringify(schemaUrl)}`}`;
}

/** Writes a span that has ended. */
export function write(span: ReadableSpan): WrittenSpan {
  return { name: span.name, resource: span.resource, scope: span.instrumentationScope, text: bytesOf(spanText(span)) };
}

function spanText(span: ReadableSpan): string {
  const { traceId, spanId, traceState, traceFlags } = span.spanContext();
  const parent = span.parentSpanContext;
  const { droppedAttributesCount, droppedEventsCount, droppedLinksCount } = span;
  const { code, message } = span.status;
  // Joined, not added up: a sum of texts keeps each of its parts until somebody reads it.
  const parts = [`{"traceId":"${traceId}","spanId":"${spanId}"`];
  if (traceState !== undefined) parts.push(`,"traceState":${JSON.stringify(traceState.serialize())}`);
  if (parent !== undefined) parts.push(`,"parentSpanId":"${parent.spanId}"`);
  parts.push(
    `,"flags":${flagsOf(traceFlags, parent?.isRemote)},"name":${JSON.stringify(span.name)},"kind":${span.kind + 1}`,
    `,"startTimeUnixNano":"${nanos(span.startTime)}","endTimeUnixNano":"${nanos(span.endTime)}","attributes":[`,
  );
  addSaid(saidBy(span), parts);
  parts.push("]");
  if (span.events.length > 0) parts.push(`,"events":[${span.events.map(eventText).join()}]`);
  if (span.links.length > 0) parts.push(`,"links":[${span.links.map(linkText).join()}]`);
  if (droppedAttributesCount > 0) parts.push(`,"droppedAttributesCount":${droppedAttributesCount}`);
  if (droppedEventsCount > 0) parts.push(`,"droppedEventsCount":${droppedEventsCount}`);
  if (droppedLinksCount > 0) parts.push(`,"droppedLinksCount":${droppedLinksCount}`);
  parts.push(`,"status":{"code":${code}${message === undefined ? "" : `,"message":${JSON.stringify(message)}`}}}`);
  return parts.join("");
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
export function nanos(time: HrTime): string {
  const seconds = time[0];
  const rest = time[1];
  return seconds === 0 ? String(rest) : `${seconds}${String(rest).padStart(9, "0")}`;
}

/** Of spans that say the same things in the same order: what stands before each value, and the text of the value that came last. */
interface Layout {
  readonly heads: readonly string[];
  readonly lastValues: unknown[];
  readonly lastTexts: string[];
}

const LAST_LENGTH_MAX = 256;

const layouts = new KeyLists<Layout>((keys) => ({
  heads: keys.map((key, place) => `${place === 0 ? "" : ","}{"key":${JSON.stringify(key)},"value":`),
  lastValues: keys.map(() => undefined),
  lastTexts: keys.map(() => ""),
}));

/** Most of what a process says of its calls it says of all of them: such a text is made once. */
function addSaid({ keys, values }: Said, parts: string[]): void {
  const { heads, lastValues, lastTexts } = layouts.of(keys);
  for (let place = 0; place < values.length; place += 1) {
    const value = values[place];
    if (value === lastValues[place]) {
      parts.push(lastTexts[place] ?? "");
      continue;
    }
    const text = `${heads[place]}${anyValue(value)}}`;
    parts.push(text);
    if (typeof value === "object" || text.length > LAST_LENGTH_MAX) continue;
    lastValues[place] = value;
    lastTexts[place] = text;
  }
}

function keyValues(attributes: Attributes): string {
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return `[${entries.map(([key, value]) => `{"key":${JSON.stringify(key)},"value":${anyValue(value)}}`).join()}]`;
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
