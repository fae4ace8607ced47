/**
 * OTLP/JSON of the usual form straight into the table that protobuf fills, too: texts stay in the body, ids and times are
 * unpacked beside it. A span with anything unusual in it is read by itself the general way, and a request whose outer form
 * is unusual as a whole: what is right and what is wrong is said there only.
 */
import { isUtf8 } from "node:buffer";
import type { BufferSource } from "../../support/buffer-pool.ts";
import type { Attributes, Resource, Scope } from "../span.ts";
import { AttributeTable, AttributeType } from "./attribute-table.ts";
import { AttributesBuilder } from "./attributes-builder.ts";
import { MalformedError, OTLP_LIMITS } from "./decoded.ts";
import { type Literal, literal } from "./byte-source.ts";
import { Code, JsonCursor, Unusual } from "./json-cursor.ts";
import { asCount, asObject, asString, optionalObject, readResource, readScope, readValue } from "./json-values.ts";
import { WireIds } from "./wire-ids.ts";
import { WireSpan } from "./wire-span.ts";

const { stringBytesMax } = OTLP_LIMITS;

const KEY = literal('{"key":"');
const VALUE = literal(',"value":{"');
const STRING = literal('stringValue":"');
const INT = literal('intValue":');
const TRUE = literal('boolValue":true}');
const FALSE = literal('boolValue":false}');
const DOUBLE = literal('doubleValue":');
const STATUS_CODE = literal('{"code":');
const PAIR_END = literal("}");
const EMPTY_LIST = literal("[]");
const TWO_TO_32 = 0x1_0000_0000;

const doubles = new Float64Array(1);
/** Low half first, as on every machine that Node.js runs on. */
const doubleHalves = new Uint32Array(doubles.buffer);

/** What a request gives away, span by span, in its order. */
export interface JsonSpanReader {
  readonly buffers: BufferSource;
  take(span: WireSpan): void;
  /** Reads a span the general way. */
  readAny(json: unknown, origin: { readonly resource: Resource; readonly scope: Scope }): void;
  /** Reads events and links the general way. */
  giveItems(span: WireSpan, items: { readonly events: unknown; readonly links: unknown }): void;
}

/** False when the request is not of the usual form: then nothing of what was taken counts. */
export function scanJsonTraces(body: Buffer, reader: JsonSpanReader): boolean {
  if (!isUtf8(body)) return false;
  try {
    const scan = new JsonScan(body, reader);
    scan.request();
    return true;
  } catch (error) {
    if (error instanceof Unusual || error instanceof MalformedError) return false;
    throw error;
  }
}

class JsonScan {
  readonly #cursor: JsonCursor;
  readonly #attributes: AttributesBuilder;
  readonly #ids = new WireIds();
  readonly #reader: JsonSpanReader;

  constructor(body: Buffer, reader: JsonSpanReader) {
    this.#cursor = new JsonCursor(body);
    this.#attributes = new AttributesBuilder(new AttributeTable(body, reader.buffers));
    this.#reader = reader;
  }

  request(): void {
    const cursor = this.#cursor;
    const once = new Once(cursor);
    cursor.members((key) => {
      once.check(key);
      if (key === "resourceSpans") cursor.items(() => this.#resourceSpans());
      else cursor.skip();
    });
    if (cursor.at !== cursor.bytes.length) cursor.unusual();
  }

  #resourceSpans(): void {
    const cursor = this.#cursor;
    const once = new Once(cursor);
    let resource: Resource | undefined;
    cursor.members((key) => {
      once.check(key);
      if (key === "resource" && resource === undefined) resource = readResource(cursor.value());
      else if (key === "scopeSpans") {
        const own = (resource ??= readResource(undefined));
        cursor.items(() => this.#scopeSpans(own));
      } else if (key === "resource") cursor.unusual();
      else cursor.skip();
    });
  }

  #scopeSpans(resource: Resource): void {
    const cursor = this.#cursor;
    const once = new Once(cursor);
    let scope: Scope | undefined;
    cursor.members((key) => {
      once.check(key);
      if (key === "scope" && scope === undefined) scope = readScope(cursor.value());
      else if (key === "spans") {
        const own = (scope ??= readScope(undefined));
        cursor.items(() => this.#span({ resource, scope: own }));
      } else if (key === "scope") cursor.unusual();
      else cursor.skip();
    });
  }

  #span(origin: { readonly resource: Resource; readonly scope: Scope }): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    try {
      this.#reader.take(this.#usualSpan(origin));
    } catch (error) {
      if (!(error instanceof Unusual || error instanceof MalformedError)) throw error;
      cursor.at = start;
      this.#reader.readAny(cursor.value(), origin);
    }
  }

  #usualSpan(origin: { readonly resource: Resource; readonly scope: Scope }): WireSpan {
    const cursor = this.#cursor;
    const span = new WireSpan({ ...origin, source: this.#ids.next() });
    this.#attributes.begin();
    let attributes: Attributes | undefined;
    let events: unknown;
    let links: unknown;
    cursor.members((key) => {
      if (key === "attributes") {
        if (attributes !== undefined) cursor.unusual();
        cursor.items(() => this.#attribute());
        attributes = this.#attributes.finish();
      } else if (key === "events") events = this.#list();
      else if (key === "links") links = this.#list();
      else if (!this.#ids.read({ key, cursor, span })) this.#field(key, span);
    });
    this.#ids.check(cursor, span);
    span.attributes = attributes ?? this.#attributes.finish();
    span.droppedAttributesCount += this.#attributes.dropped;
    if (events !== undefined || links !== undefined) this.#reader.giveItems(span, { events, links });
    return span;
  }

  #list(): unknown {
    return this.#cursor.has(EMPTY_LIST) ? undefined : this.#cursor.value();
  }

  #field(key: string, span: WireSpan): void {
    const cursor = this.#cursor;
    switch (key) {
      case "name":
        span.name = this.#text();
        return;
      case "traceState":
        span.traceState = this.#text();
        return;
      case "kind":
        span.kind = this.#count(key);
        return;
      case "flags":
        span.flags = this.#count(key);
        return;
      case "droppedAttributesCount":
        span.droppedAttributesCount = this.#count(key);
        return;
      case "status":
        this.#status(span);
        return;
      default:
        cursor.skip();
    }
  }

  #status(span: WireSpan): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    span.statusMessage = "";
    if (cursor.has(STATUS_CODE)) {
      span.statusCode = cursor.bareDigits();
      if (span.statusCode < 10 && cursor.has(PAIR_END)) return;
      cursor.at = start;
    }
    const status = optionalObject(cursor.value());
    span.statusCode = asCount(status["code"], "status.code");
    span.statusMessage = asString(status["message"]);
  }

  #text(): string {
    const text = this.#cursor.text();
    if (text.length > stringBytesMax) this.#cursor.unusual();
    return text;
  }

  #count(what: string): number {
    const cursor = this.#cursor;
    const code = cursor.bytes[cursor.at] ?? 0;
    const isDigit = code >= Code.zero && code <= Code.nine;
    return asCount(isDigit ? cursor.bareDigits() : cursor.value(), what);
  }

  /** One KeyValue. */
  #attribute(): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    const kept = this.#attributes.takeKept(cursor, start);
    if (kept !== undefined) {
      cursor.at += kept.wire.bytes.length;
      return;
    }
    try {
      if (this.#usualAttribute()) return;
    } catch (error) {
      // Most often a whole number of more digits than a double holds.
      if (!(error instanceof Unusual)) throw error;
    }
    cursor.at = start;
    const pair = asObject(cursor.value(), "attribute");
    const key = asString(pair["key"]);
    this.#attributes.noteOwn(readValue(pair["value"], 0));
    this.#attributes.add(key);
    if (this.#attributes.isListOf(key)) this.#attributes.keep(cursor.bytes.subarray(start, cursor.at));
  }

  #usualAttribute(): boolean {
    const cursor = this.#cursor;
    if (!cursor.has(KEY)) return false;
    const { next } = this.#attributes;
    const isNext = next !== undefined && this.#isKey(next.wireKey);
    const key = isNext ? "" : this.#keyHere();
    if (!cursor.has(VALUE) || !this.#usualValue() || !cursor.has(PAIR_END)) return false;
    if (isNext) this.#attributes.takeNext(next);
    else this.#attributes.add(key);
    return true;
  }

  /** Passes a key and its closing quote if it is this one. */
  #isKey(key: Literal): boolean {
    const { bytes, at } = this.#cursor;
    if (bytes[at + key.bytes.length] !== Code.quote || !this.#cursor.has(key)) {
      this.#cursor.at = at;
      return false;
    }
    this.#cursor.at += 1;
    return true;
  }

  #keyHere(): string {
    const cursor = this.#cursor;
    cursor.at -= 1;
    return this.#text();
  }

  /** Notes an AnyValue, its closing bracket included, from behind its opening bracket and quote. False: to be read the general way. */
  #usualValue(): boolean {
    const cursor = this.#cursor;
    if (cursor.has(STRING)) {
      const start = cursor.at;
      const length = plainLength(cursor.bytes, start);
      if (length < 0 || length > stringBytesMax) return false;
      cursor.at = start + length + 1;
      return cursor.has(PAIR_END) && this.#attributes.note(AttributeType.text, start, length);
    }
    if (cursor.has(INT)) return this.#integer() && cursor.has(PAIR_END);
    if (cursor.has(DOUBLE)) return this.#double() && cursor.has(PAIR_END);
    if (cursor.has(TRUE)) return this.#attributes.note(AttributeType.boolean, 1, 0);
    return cursor.has(FALSE) && this.#attributes.note(AttributeType.boolean, 0, 0);
  }

  #double(): boolean {
    if (this.#cursor.bytes[this.#cursor.at] === Code.quote) return false;
    doubles[0] = this.#cursor.number();
    return this.#attributes.note(AttributeType.double, doubleHalves[0] ?? 0, doubleHalves[1] ?? 0);
  }

  #integer(): boolean {
    const cursor = this.#cursor;
    const isQuoted = cursor.bytes[cursor.at] === Code.quote;
    if (isQuoted) cursor.at += 1;
    const isNegative = cursor.bytes[cursor.at] === Code.minus;
    if (isNegative) cursor.at += 1;
    const value = isQuoted ? cursor.digits() : cursor.bareDigits();
    if (isQuoted) cursor.expect(Code.quote);
    const [low, high] = [value % TWO_TO_32, Math.floor(value / TWO_TO_32)];
    if (!isNegative) return this.#attributes.note(AttributeType.integer, low, high);
    // Two's complement; the carry goes into the high half only where the low one is 0.
    return this.#attributes.note(AttributeType.integer, -low >>> 0, (~high + (low === 0 ? 1 : 0)) >>> 0);
  }
}

/** A member that `JSON.parse` would let the last one win of: here it may come once. */
class Once {
  readonly #cursor: JsonCursor;
  readonly #seen = new Set<string>();

  constructor(cursor: JsonCursor) {
    this.#cursor = cursor;
  }

  check(key: string): void {
    if (this.#seen.has(key)) this.#cursor.unusual();
    this.#seen.add(key);
  }
}

/** The length of a text up to its closing quote; -1 when it has escapes, or no end. */
function plainLength(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === Code.quote) return at - start;
    if (byte === Code.backslash || byte < 0x20) return -1;
  }
  return -1;
}
