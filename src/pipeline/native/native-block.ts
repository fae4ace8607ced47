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
      type.write(sink, { rows, read });
    },
  };
}

/** A column of a type without a prefix, whose values rows write themselves: for those that hold them as bytes. */
export function directColumn<Row>(
  name: string,
  type: NativeType<never>,
  write: (sink: ByteSink, row: Row) => void,
): NativeColumn<Row> {
  return {
    name,
    typeName: type.name,
    writeTo(sink, rows) {
      for (const row of rows) write(sink, row);
    },
  };
}

/** One block in ClickHouse's Native format (revision 0): the body of `INSERT INTO … FORMAT Native`. At least one row. */
export function encodeNativeBlock<Row>(columns: readonly NativeColumn<Row>[], rows: readonly Row[]): Buffer {
  const sink = new ByteSink();
  writeNativeBlock(sink, columns, rows);
  return sink.bytes();
}

/** The same, written behind what is in the sink already. */
export function writeNativeBlock<Row>(
  sink: ByteSink,
  columns: readonly NativeColumn<Row>[],
  rows: readonly Row[],
): void {
  sink.varuint(columns.length);
  sink.varuint(rows.length);
  for (const column of columns) {
    sink.text(column.name);
    sink.text(column.typeName);
    column.writeTo(sink, rows);
  }
}
