/** What every OTLP signal shares on the wire, written: the other side of `protobuf-attributes.ts`. */
import type { ProtobufWriter } from "@tollgate/instrumentation/protobuf";
import type { AttributeValue, Resource, Scope } from "../span.ts";
import { bytesField, fixed64Field, varintField } from "./protobuf-attributes.ts";

const INT64_MIN = -9_223_372_036_854_775_808n;
const INT64_MAX = 9_223_372_036_854_775_807n;

export type KeyValue = readonly [key: string, value: AttributeValue];

/** What OTLP's `int_value` can hold. A processor may have made a larger one, which goes on as its digits. */
export function isInt64(value: bigint): boolean {
  return value >= INT64_MIN && value <= INT64_MAX;
}

/** Resource in field 1 of ResourceSpans, ResourceLogs. */
export function writeResource(writer: ProtobufWriter, resource: Resource): void {
  const start = writer.open(bytesField(1));
  writeAttributes(writer, { field: 1, attributes: resource.attributes });
  writer.close(start);
}

/** InstrumentationScope in field 1 of ScopeSpans, ScopeLogs. */
export function writeScope(writer: ProtobufWriter, scope: Scope): void {
  const start = writer.open(bytesField(1));
  writeText(writer, { field: 1, text: scope.name });
  writeText(writer, { field: 2, text: scope.version });
  writeAttributes(writer, { field: 3, attributes: scope.attributes });
  writer.close(start);
}

export function writeAttributes(
  writer: ProtobufWriter,
  { field, attributes }: { readonly field: number; readonly attributes: Iterable<KeyValue> },
): void {
  for (const [key, value] of attributes) writeKeyValue(writer, { field, key, value });
}

/** A string field; "" is the default and is left out. */
export function writeText(
  writer: ProtobufWriter,
  { field, text }: { readonly field: number; readonly text: string },
): void {
  if (text === "") return;
  writer.tag(bytesField(field));
  writer.string(text);
}

/** The bytes of a trace or span id; "" is left out. */
export function writeId(
  writer: ProtobufWriter,
  { field, hex }: { readonly field: number; readonly hex: string },
): void {
  if (hex === "") return;
  writer.tag(bytesField(field));
  writer.hex(hex);
}

/** A small whole number: enums, counts. 0 is left out. */
export function writeCount(
  writer: ProtobufWriter,
  { field, count }: { readonly field: number; readonly count: number },
): void {
  if (count === 0) return;
  writer.tag(varintField(field));
  writer.varint(count);
}

/** 0 is left out. */
export function writeTime(
  writer: ProtobufWriter,
  { field, unixNano }: { readonly field: number; readonly unixNano: bigint },
): void {
  if (unixNano === 0n) return;
  writer.tag(fixed64Field(field));
  writer.fixed64(unixNano);
}

function writeKeyValue(
  writer: ProtobufWriter,
  { field, key, value }: { readonly field: number; readonly key: string; readonly value: AttributeValue },
): void {
  const start = writer.open(bytesField(field));
  writer.tag(bytesField(1));
  writer.string(key);
  writeValue(writer, { field: 2, value });
  writer.close(start);
}

/** An AnyValue. `null` is one without any of its fields; a default value ("", 0, false) is written, for it is one. */
export function writeValue(
  writer: ProtobufWriter,
  { field, value }: { readonly field: number; readonly value: AttributeValue },
): void {
  const start = writer.open(bytesField(field));
  switch (typeof value) {
    case "string":
      writer.tag(bytesField(1));
      writer.string(value);
      break;
    case "boolean":
      writer.tag(varintField(2));
      writer.varint(value ? 1 : 0);
      break;
    case "bigint":
      if (isInt64(value)) {
        writer.tag(varintField(3));
        writer.int64(value);
      } else {
        writer.tag(bytesField(1));
        writer.string(value.toString());
      }
      break;
    case "number":
      writer.tag(fixed64Field(4));
      writer.double(value);
      break;
    default:
      writeStructure(writer, value);
  }
  writer.close(start);
}

type Structure = Extract<AttributeValue, object | null>;

function writeStructure(writer: ProtobufWriter, value: Structure): void {
  if (value === null) return;
  if (value instanceof Uint8Array) {
    writer.tag(bytesField(7));
    writer.bytes(value);
  } else if (isArray(value)) {
    const start = writer.open(bytesField(5));
    for (const element of value) writeValue(writer, { field: 1, value: element });
    writer.close(start);
  } else {
    const start = writer.open(bytesField(6));
    for (const [key, inner] of Object.entries(value)) writeKeyValue(writer, { field: 1, key, value: inner });
    writer.close(start);
  }
}

/** `Array.isArray` does not narrow a readonly array. */
export function isArray(value: AttributeValue): value is readonly AttributeValue[] {
  return Array.isArray(value);
}
