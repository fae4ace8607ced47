/**
 * Reads the attributes of one span after the other into the request's table. Nearly every attribute has the key that stood
 * at its place in the span before: then the key's bytes are compared, the value's place is noted, and that is all. Anything
 * else is read by the rules of protobuf, field by field. Of a doubled key the last value wins, at the place of the first.
 */
import type { AttributeValue } from "../span.ts";
import { type AttributeShape, emptyShape, type KeptList } from "./attribute-shape.ts";
import { type AttributeTable, AttributeType } from "./attribute-table.ts";
import { type ByteSource, isLiteralAt } from "./byte-source.ts";
import { OTLP_LIMITS } from "./decoded.ts";
import { bytesField, fixed64Field, readArray, readKeyValueList, varintField } from "./protobuf-attributes.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import { WireAttributes } from "./wire-attributes.ts";

const { attributesMax, stringBytesMax } = OTLP_LIMITS;

/** Tags that are one byte, and stay so: KeyValue's and AnyValue's fields. */
const KEY = 0x0a;
const VALUE = 0x12;
const STRING_VALUE = 0x0a;
const BOOL_VALUE = 0x10;
const INT_VALUE = 0x18;
const DOUBLE_VALUE = 0x21;
const ONE_BYTE = 0x80;

export class AttributesBuilder {
  readonly #table: AttributeTable;
  #shape: AttributeShape = emptyShape();
  #first = 0;
  #dropped = 0;
  #own: AttributeValue[] | undefined;
  /** Where the keys of this span stand; made when the span has a key where no span before it had it. */
  #places: Map<string, number> | undefined;
  /** The value that was read last. */
  #type = 0;
  #a = 0;
  #b = 0;

  constructor(table: AttributeTable) {
    this.#table = table;
  }

  /** Attributes beyond the bound since `begin`. */
  get dropped(): number {
    return this.#dropped;
  }

  begin(): void {
    this.#shape = emptyShape();
    this.#first = this.#table.size;
    this.#dropped = 0;
    this.#own = undefined;
    this.#places = undefined;
  }

  /** What was read since `begin`. */
  finish(): WireAttributes {
    if (this.#places !== undefined) this.#shape.adoptPlaces(this.#places);
    return new WireAttributes({ table: this.#table, first: this.#first, shape: this.#shape, own: this.#own });
  }

  /** Reads one KeyValue. */
  read(reader: ProtobufReader): void {
    if (!this.#readUsual(reader)) this.#readAny(reader);
  }

  /** True when it was a KeyValue as all encoders write it, with the key that came here last time. Else nothing is read. */
  #readUsual(reader: ProtobufReader): boolean {
    const { next } = this;
    const { bytes } = reader;
    const length = bytes[reader.position] ?? ONE_BYTE;
    const keyAt = reader.position + 3;
    const end = reader.position + 1 + length;
    if (next === undefined || length >= ONE_BYTE || end > reader.end) return false;
    if (this.takeKept(reader, reader.position)) {
      reader.position = end;
      return true;
    }
    const keyLength = next.wireKey.bytes.length;
    const valueAt = keyAt + keyLength + 2;
    if (valueAt > end || bytes[keyAt - 2] !== KEY || bytes[keyAt - 1] !== keyLength) return false;
    if (!isLiteralAt(reader, keyAt, next.wireKey)) return false;
    if (bytes[valueAt - 2] !== VALUE || bytes[valueAt - 1] !== end - valueAt) return false;
    if (!this.#usualValue(bytes, valueAt, end)) return false;
    this.takeNext(next);
    reader.position = end;
    return true;
  }

  /** An AnyValue of one field that fills it. */
  #usualValue(bytes: Buffer, start: number, end: number): boolean {
    if (start === end) return this.note(AttributeType.null, 0, 0);
    const content = start + 2;
    switch (bytes[start]) {
      case STRING_VALUE:
        return (
          content <= end && bytes[start + 1] === end - content && this.note(AttributeType.text, content, end - content)
        );
      case INT_VALUE:
        return this.#usualInteger(bytes, start + 1, end);
      case BOOL_VALUE: {
        const byte = bytes[start + 1] ?? ONE_BYTE;
        return content === end && byte < ONE_BYTE && this.note(AttributeType.boolean, byte === 0 ? 0 : 1, 0);
      }
      case DOUBLE_VALUE:
        if (end - start !== 9) return false;
        return this.note(AttributeType.double, bytes.readUInt32LE(start + 1), bytes.readUInt32LE(start + 5));
      default:
        return false;
    }
  }

  /** Up to four bytes: below 2^28. */
  #usualInteger(bytes: Buffer, start: number, end: number): boolean {
    const count = end - start;
    if (count < 1 || count > 4) return false;
    let value = 0;
    for (let index = 0; index < count; index += 1) {
      const byte = bytes[start + index] ?? 0;
      // The last byte of a varint, and only the last, has its high bit clear.
      if (byte >= ONE_BYTE === (index === count - 1)) return false;
      value |= (byte & 0x7f) << (index * 7);
    }
    return this.note(AttributeType.integer, value, 0);
  }

  #readAny(reader: ProtobufReader): void {
    this.note(AttributeType.null, 0, 0);
    let key = "";
    const start = reader.position;
    const outer = reader.enter();
    while (!reader.atEnd) {
      const tag = reader.tag();
      if (tag === bytesField(1)) key = reader.string(stringBytesMax);
      else if (tag === bytesField(2)) this.#readValue(reader);
      else reader.skip(tag);
    }
    reader.leave(outer);
    this.add(key);
    if (this.isListOf(key)) this.keep(reader.bytes.subarray(start, reader.position));
  }

  #readValue(reader: ProtobufReader): void {
    this.note(AttributeType.null, 0, 0);
    const outer = reader.enter();
    while (!reader.atEnd) {
      const tag = reader.tag();
      switch (tag) {
        case bytesField(1):
          this.#noteBytes(reader, AttributeType.text);
          break;
        case varintField(2):
          this.note(AttributeType.boolean, reader.uint32() === 0 ? 0 : 1, 0);
          break;
        case varintField(3):
          reader.varint64();
          this.note(AttributeType.integer, reader.low, reader.high);
          break;
        case fixed64Field(4): {
          const at = reader.fixed64At();
          this.note(AttributeType.double, reader.bytes.readUInt32LE(at), reader.bytes.readUInt32LE(at + 4));
          break;
        }
        case bytesField(5):
          this.noteOwn(readArray(reader, 1));
          break;
        case bytesField(6):
          this.noteOwn(readKeyValueList(reader, 1));
          break;
        case bytesField(7):
          this.#noteBytes(reader, AttributeType.bytes);
          break;
        default:
          reader.skip(tag);
      }
    }
    reader.leave(outer);
  }

  /** Remembers a value, by its entry in the table, for `takeNext` or `add`. */
  note(type: number, a: number, b: number): true {
    this.#type = type;
    this.#a = a;
    this.#b = b;
    return true;
  }

  #noteBytes(reader: ProtobufReader, type: number): void {
    const start = reader.lengthDelimited();
    this.note(type, start, Math.min(reader.position - start, stringBytesMax));
  }

  /** Remembers a value that is there as such. */
  noteOwn(value: AttributeValue): void {
    // Mostly one: a list of its own size, where pushing to an empty one makes room for many.
    if (this.#own === undefined) this.#own = [value];
    else this.#own.push(value);
    this.note(AttributeType.own, this.#own.length - 1, 0);
  }

  /** Takes the attribute at `at` if it is one with a list that came here before. */
  takeKept(source: ByteSource, at: number): KeptList | undefined {
    const { next } = this;
    const kept = next?.keptAt(source, at);
    if (next === undefined || kept === undefined) return undefined;
    this.noteOwn(kept.value);
    this.takeNext(next);
    return kept;
  }

  /** Whether the attribute that was added last is one with a list or a map, which `keep` would remember. */
  isListOf(key: string): boolean {
    return this.#type === AttributeType.own && this.#shape.key === key;
  }

  /** Remembers the attribute that was added last, `wire` as a whole. */
  keep(wire: Uint8Array): void {
    this.#shape.keep(wire, this.#own?.at(-1) ?? null);
  }

  /** The key that came here last time, as a shape; `undefined` when none did. */
  get next(): AttributeShape | undefined {
    const { next } = this.#shape;
    return next !== undefined && next.size <= attributesMax ? next : undefined;
  }

  /** Puts the value that was noted last under the key of `next`. */
  takeNext(next: AttributeShape): void {
    this.#places?.set(next.key, next.size - 1);
    this.#append(next);
  }

  /** Puts the value that was noted last under a key. */
  add(key: string): void {
    const shape = this.#shape.child(key);
    if (shape !== undefined && shape.size <= attributesMax) return this.takeNext(shape);
    this.#places ??= this.#shape.places();
    const place = this.#places.get(key);
    if (place !== undefined) this.#table.put(this.#first + place, this.#type, this.#a, this.#b);
    else if (this.#shape.size >= attributesMax) this.#dropped += 1;
    else {
      this.#places.set(key, this.#shape.size);
      this.#append(this.#shape.with(key));
    }
  }

  #append(shape: AttributeShape): void {
    this.#table.push(this.#type, this.#a, this.#b);
    this.#shape = shape;
  }
}
