/** What every OTLP signal shares on the wire: resource, scope, attributes and their values, read within bounds. */
import type { Attributes, AttributeValue, Resource, Scope } from "../span.ts";
import { OTLP_LIMITS } from "./decoded.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const { attributesMax, elementsMax, stringBytesMax, valueDepthMax } = OTLP_LIMITS;

/** Tags, `field << 3 | wire type`, of opentelemetry-proto 1.11.0. */
export const bytesField = (field: number): number => (field << 3) | 2;
export const varintField = (field: number): number => field << 3;
export const fixed64Field = (field: number): number => (field << 3) | 1;
export const fixed32Field = (field: number): number => (field << 3) | 5;

export function readResource(reader: ProtobufReader, resource: Resource): void {
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) readAttribute(reader, resource.attributes);
    else reader.skip(tag);
  }
  reader.leave(outer);
}

export function readScope(reader: ProtobufReader, scope: Mutable<Scope>): void {
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) scope.name = reader.string(stringBytesMax);
    else if (tag === bytesField(2)) scope.version = reader.string(stringBytesMax);
    else if (tag === bytesField(3)) readAttribute(reader, scope.attributes);
    else reader.skip(tag);
  }
  reader.leave(outer);
}

export function keepWithin<T>(list: T[], item: T | undefined, countMax: number): void {
  if (item !== undefined && list.length < countMax) list.push(item);
}

/** Reads one KeyValue into the map. Returns how many attributes were dropped for it: 0 or 1. */
export function readAttribute(reader: ProtobufReader, attributes: Attributes): number {
  const outer = reader.enter();
  const { key, value } = readKeyValue(reader, 0);
  reader.leave(outer);
  if (attributes.size >= attributesMax && !attributes.has(key)) return 1;
  attributes.set(key, value);
  return 0;
}

function readKeyValue(reader: ProtobufReader, depth: number): { key: string; value: AttributeValue } {
  let key = "";
  let value: AttributeValue = null;
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) key = reader.string(stringBytesMax);
    else if (tag === bytesField(2)) value = readValue(reader, depth);
    else reader.skip(tag);
  }
  return { key, value };
}

/** Reads one AnyValue. `depth` is that of the value around it. */
export function readValue(reader: ProtobufReader, depth: number): AttributeValue {
  let value: AttributeValue = null;
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    switch (tag) {
      case bytesField(1):
        value = reader.string(stringBytesMax);
        break;
      case varintField(2):
        value = reader.uint32() !== 0;
        break;
      case varintField(3):
        value = reader.int64();
        break;
      case fixed64Field(4):
        value = reader.double();
        break;
      case bytesField(5):
        if (depth < valueDepthMax) value = readArray(reader, depth + 1);
        else reader.skip(tag);
        break;
      case bytesField(6):
        if (depth < valueDepthMax) value = readKeyValueList(reader, depth + 1);
        else reader.skip(tag);
        break;
      case bytesField(7):
        value = reader.bytesCopy(stringBytesMax);
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outer);
  return value;
}

/** Reads the ArrayValue of a value at `depth - 1`. */
export function readArray(reader: ProtobufReader, depth: number): AttributeValue {
  const values: AttributeValue[] = [];
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) keepWithin(values, readValue(reader, depth), elementsMax);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return values;
}

/** Reads the KeyValueList of a value at `depth - 1`. */
export function readKeyValueList(reader: ProtobufReader, depth: number): AttributeValue {
  // No prototype: a key may be called `__proto__`.
  const object = Object.create(null) as Record<string, AttributeValue>;
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) {
      const inner = reader.enter();
      const { key, value } = readKeyValue(reader, depth);
      reader.leave(inner);
      object[key] = value;
    } else reader.skip(tag);
  }
  reader.leave(outer);
  return object;
}
