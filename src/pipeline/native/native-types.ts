/**
 * The column types of ClickHouse's Native format that our tables need, as writers of whole columns. Layout, as the
 * engine reads it at revision 0: a type may have a prefix (LowCardinality: the version of its dictionary), written once
 * before the data of the whole column, inner types included; then the values of all rows; arrays and maps are the
 * cumulative ends of the rows, then the flattened elements.
 * https://clickhouse.com/docs/interfaces/formats/Native
 */
import type { ByteSink } from "./byte-sink.ts";
import { Dictionary, LOW_CARDINALITY_NAME, writeLowCardinalityPrefix } from "./low-cardinality.ts";

export interface NativeType<T> {
  /** As in the column's header; the engine casts from it to the type of the table. */
  readonly name: string;
  writePrefix(sink: ByteSink): void;
  writeValues(sink: ByteSink, values: readonly T[]): void;
}

function plain<T>(name: string, write: (sink: ByteSink, value: T) => void): NativeType<T> {
  return {
    name,
    writePrefix: () => {},
    writeValues(sink, values) {
      for (const value of values) write(sink, value);
    },
  };
}

export const nativeString = plain<string>("String", (sink, value) => sink.text(value));
export const nativeBool = plain<boolean>("Bool", (sink, value) => sink.uint8(value ? 1 : 0));
/** From safe whole numbers. */
export const nativeUInt64 = plain<number>("UInt64", (sink, value) => sink.uint64(value));
export const nativeInt64 = plain<bigint>("Int64", (sink, value) => sink.int64(value));
/** From nanoseconds since 1970. */
export const nativeDateTime64Nano = plain<bigint>("DateTime64(9, 'UTC')", (sink, value) => sink.int64(value));
/** From milliseconds since 1970. */
export const nativeDateTime64Milli = plain<number>("DateTime64(3, 'UTC')", (sink, value) => sink.uint64(value));

export const nativeLowCardinality: NativeType<string> = {
  name: LOW_CARDINALITY_NAME,
  writePrefix: writeLowCardinalityPrefix,
  writeValues(sink, values) {
    const dictionary = new Dictionary();
    const indexes = new Uint32Array(values.length);
    let row = 0;
    for (const value of values) indexes[row++] = dictionary.indexOf(value);
    dictionary.writeTo(sink, indexes);
  },
};

export function nativeArray<T>(inner: NativeType<T>): NativeType<readonly T[]> {
  return {
    name: `Array(${inner.name})`,
    writePrefix: (sink) => inner.writePrefix(sink),
    writeValues(sink, values) {
      let end = 0;
      for (const items of values) sink.uint64((end += items.length));
      inner.writeValues(sink, end === 0 ? [] : (values.flat() as T[]));
    },
  };
}
