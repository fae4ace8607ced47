import { ByteSink } from "./byte-sink.ts";
import type { NativeType } from "./native-types.ts";

/** A column of a table, filled from rows of type `Row`. */
export interface NativeColumn<Row> {
  readonly name: string;
  readonly typeName: string;
  writeTo(sink: ByteSink, rows: readonly Row[]): void;
}

/** A column whose value of a row is `read(row)`. */
export function nativeColumn<Row, T>(name: string, type: NativeType<T>, read: (row: Row) => T): NativeColumn<Row> {
  return {
    name,
    typeName: type.name,
    writeTo(sink, rows) {
      type.writePrefix(sink);
      type.writeValues(sink, rows.map(read));
    },
  };
}

/** One block in ClickHouse's Native format (revision 0): the body of `INSERT INTO … FORMAT Native`. At least one row. */
export function encodeNativeBlock<Row>(columns: readonly NativeColumn<Row>[], rows: readonly Row[]): Buffer {
  const sink = new ByteSink();
  sink.varuint(columns.length);
  sink.varuint(rows.length);
  for (const column of columns) {
    sink.string(column.name);
    sink.string(column.typeName);
    column.writeTo(sink, rows);
  }
  return sink.bytes();
}
