/**
 * The column types of ClickHouse's Native format that the span table needs, as writers of whole columns. Layout, as the
 * engine reads it at revision 0: a type may have a prefix (LowCardinality: the version of its dictionary), written once
 * before the data of the whole column, inner types included; then the values of all rows; arrays and maps are the
 * cumulative ends of the rows, then the flattened elements.
 * https://clickhouse.com/docs/interfaces/formats/Native
 */
import type { ByteSink } from "./byte-sink.ts";

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

export const nativeString = plain<string>("String", (sink, value) => sink.string(value));
export const nativeBool = plain<boolean>("Bool", (sink, value) => sink.uint8(value ? 1 : 0));
/** From safe whole numbers. */
export const nativeUInt64 = plain<number>("UInt64", (sink, value) => sink.uint64(value));
export const nativeInt64 = plain<bigint>("Int64", (sink, value) => sink.int64(value));
/** From nanoseconds since 1970. */
export const nativeDateTime64Nano = plain<bigint>("DateTime64(9, 'UTC')", (sink, value) => sink.int64(value));
/** From milliseconds since 1970. */
export const nativeDateTime64Milli = plain<number>("DateTime64(3, 'UTC')", (sink, value) => sink.int64(BigInt(value)));

const DICTIONARY_VERSION = 1n;
const HAS_ADDITIONAL_KEYS = 1 << 9;
const NEED_UPDATE_DICTIONARY = 1 << 10;

/** LowCardinality(String): the distinct strings once, then an index a row in the narrowest width. */
export const nativeLowCardinality: NativeType<string> = {
  name: "LowCardinality(String)",
  writePrefix: (sink) => sink.int64(DICTIONARY_VERSION),
  writeValues(sink, values) {
    if (values.length === 0) return;
    const dictionary = new Map<string, number>();
    const indexes = values.map((value) => {
      const known = dictionary.get(value);
      if (known !== undefined) return known;
      dictionary.set(value, dictionary.size);
      return dictionary.size - 1;
    });
    const width = indexWidth(dictionary.size);
    sink.uint64(width.code | HAS_ADDITIONAL_KEYS | NEED_UPDATE_DICTIONARY);
    sink.uint64(dictionary.size);
    for (const key of dictionary.keys()) sink.string(key);
    sink.uint64(indexes.length);
    for (const index of indexes) width.write(sink, index);
  },
};

function indexWidth(size: number): { code: number; write: (sink: ByteSink, index: number) => void } {
  if (size <= 0x100) return { code: 0, write: (sink, index) => sink.uint8(index) };
  if (size <= 0x1_0000) return { code: 1, write: (sink, index) => sink.uint16(index) };
  return { code: 2, write: (sink, index) => sink.uint32(index) };
}

export function nativeArray<T>(inner: NativeType<T>): NativeType<readonly T[]> {
  return {
    name: `Array(${inner.name})`,
    writePrefix: (sink) => inner.writePrefix(sink),
    writeValues(sink, values) {
      let end = 0;
      for (const items of values) sink.uint64((end += items.length));
      inner.writeValues(sink, values.flat() as T[]);
    },
  };
}

/** Map(LowCardinality(String), String). */
export const nativeStringMap: NativeType<ReadonlyMap<string, string>> = {
  name: `Map(${nativeLowCardinality.name}, ${nativeString.name})`,
  writePrefix(sink) {
    nativeLowCardinality.writePrefix(sink);
    nativeString.writePrefix(sink);
  },
  writeValues(sink, values) {
    let end = 0;
    for (const map of values) sink.uint64((end += map.size));
    nativeLowCardinality.writeValues(
      sink,
      values.flatMap((map) => [...map.keys()]),
    );
    nativeString.writeValues(
      sink,
      values.flatMap((map) => [...map.values()]),
    );
  },
};
