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
  /** The values of all rows: what `read` says of each. */
  write<Row>(sink: ByteSink, values: { readonly rows: readonly Row[]; readonly read: (row: Row) => T }): void;
}

function plain<T>(name: string, write: (sink: ByteSink, value: T) => void): NativeType<T> {
  return {
    name,
    writePrefix: () => {},
    write(sink, { rows, read }) {
      for (const row of rows) write(sink, read(row));
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
  write(sink, { rows, read }) {
    const dictionary = new Dictionary();
    const indexes = new Uint32Array(rows.length);
    let at = 0;
    for (const row of rows) indexes[at++] = dictionary.indexOf(read(row));
    dictionary.writeTo(sink, indexes);
  },
};

/** Lists of items of which `readItem` gives the values: so that a row's list is its own, and none is made for a column. */
export function nativeArray<T, Item>(inner: NativeType<T>, readItem: (item: Item) => T): NativeType<readonly Item[]> {
  return {
    name: `Array(${inner.name})`,
    writePrefix: (sink) => inner.writePrefix(sink),
    write(sink, { rows, read }) {
      const all: Item[] = [];
      for (const row of rows) {
        const items = read(row);
        if (items.length > 0) for (const item of items) all.push(item);
        sink.uint64(all.length);
      }
      inner.write(sink, { rows: all, read: readItem });
    },
  };
}
