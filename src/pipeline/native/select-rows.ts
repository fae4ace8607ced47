/**
 * Some rows of a block in ClickHouse's Native format (revision 0), as a block again: the way to tell a wrong row from its
 * neighbours without knowing what the rows mean. Types are read from the block itself; one that is not known here means that
 * the block can't be cut.
 */
import { ByteSink } from "./byte-sink.ts";

interface ColumnType {
  /** Copies what stands before the values of the whole column. */
  prefix(reader: Reader, sink: Buffer[]): void;
  /** Copies the values of `rows`, ascending, out of `count`, and moves past all of them. */
  select(reader: Reader, values: { readonly count: number; readonly rows: Uint32Array; readonly sink: Buffer[] }): void;
}

class Reader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  varuint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.bytes.readUInt8(this.at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw new RangeError("the block is cut off");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  uint64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }
}

const FIXED_WIDTHS: Readonly<Record<string, number>> = {
  Bool: 1, UInt8: 1, Int8: 1, Enum8: 1,
  UInt16: 2, Int16: 2, Enum16: 2, Date: 2,
  UInt32: 4, Int32: 4, Float32: 4, Date32: 4, DateTime: 4, IPv4: 4,
  UInt64: 8, Int64: 8, Float64: 8, DateTime64: 8,
  UInt128: 16, Int128: 16, UUID: 16, IPv6: 16,
}; // prettier-ignore

/** `undefined`: a type of it is not known here, or it is damaged. */
export function selectNativeRows(block: Uint8Array, rows: Uint32Array): Uint8Array | undefined {
  try {
    return select(new Reader(block), rows);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function select(reader: Reader, rows: Uint32Array): Uint8Array {
  const columns = reader.varuint();
  const count = reader.varuint();
  const head = new ByteSink();
  head.varuint(columns);
  head.varuint(rows.length);
  const sink: Buffer[] = [Buffer.from(head.bytes())];
  for (let column = 0; column < columns; column += 1) {
    const start = reader.at;
    reader.take(reader.varuint());
    const type = columnType(reader.take(reader.varuint()).toString("utf8"));
    sink.push(reader.bytes.subarray(start, reader.at));
    type.prefix(reader, sink);
    type.select(reader, { count, rows, sink });
  }
  if (reader.at !== reader.bytes.length) throw new RangeError("more than one block");
  return Buffer.concat(sink);
}

function columnType(name: string): ColumnType {
  const [, outer = name, inner = ""] = /^(\w+)\((.*)\)$/s.exec(name) ?? [];
  const width = FIXED_WIDTHS[outer];
  if (width !== undefined) return fixed(width);
  switch (outer) {
    case "String":
      return STRING;
    case "FixedString":
      return fixed(Number(inner));
    case "LowCardinality":
      if (inner === "String") return LOW_CARDINALITY;
      break;
    case "Array":
      return array([columnType(inner)]);
    case "Map":
      return array(splitArguments(inner).map(columnType));
    case "Nullable":
      return nullable(columnType(inner));
  }
  throw new RangeError(`can't cut a column of type ${name}`);
}

function splitArguments(text: string): string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

function fixed(width: number): ColumnType {
  return {
    prefix: () => {},
    select(reader, { count, rows, sink }) {
      const values = reader.take(count * width);
      for (const row of rows) sink.push(values.subarray(row * width, (row + 1) * width));
    },
  };
}

const STRING: ColumnType = {
  prefix: () => {},
  select(reader, { count, rows, sink }) {
    let next = 0;
    for (let row = 0; row < count; row += 1) {
      const start = reader.at;
      reader.take(reader.varuint());
      if (rows[next] !== row) continue;
      sink.push(reader.bytes.subarray(start, reader.at));
      next += 1;
    }
  },
};

/** The width of the indexes is in the low byte of the flags: 2^n bytes. The dictionary stays whole. */
const LOW_CARDINALITY: ColumnType = {
  prefix: (reader, sink) => sink.push(reader.take(8)),
  select(reader, { count, rows, sink }) {
    if (count === 0) return;
    const start = reader.at;
    const width = 2 ** (reader.take(8).readUInt8(0) & 0xff);
    const keys = reader.uint64();
    for (let key = 0; key < keys; key += 1) reader.take(reader.varuint());
    const dictionary = reader.bytes.subarray(start, reader.at);
    const length = reader.uint64();
    const indexes = reader.take(length * width);
    if (rows.length === 0) return;
    sink.push(dictionary, uint64(rows.length));
    for (const row of rows) sink.push(indexes.subarray(row * width, (row + 1) * width));
  },
};

/** An array has one column of elements, a map two. */
function array(elements: readonly ColumnType[]): ColumnType {
  return {
    prefix(reader, sink) {
      for (const element of elements) element.prefix(reader, sink);
    },
    select(reader, { count, rows, sink }) {
      const ends = Array.from({ length: count }, () => reader.uint64());
      const inner: number[] = [];
      for (const row of rows) {
        for (let at = row === 0 ? 0 : (ends[row - 1] ?? 0); at < (ends[row] ?? 0); at += 1) inner.push(at);
        sink.push(uint64(inner.length));
      }
      const innerRows = Uint32Array.from(inner);
      for (const element of elements) element.select(reader, { count: ends.at(-1) ?? 0, rows: innerRows, sink });
    },
  };
}

function nullable(inner: ColumnType): ColumnType {
  const isNull = fixed(1);
  return {
    prefix: (reader, sink) => inner.prefix(reader, sink),
    select(reader, values) {
      isNull.select(reader, values);
      inner.select(reader, values);
    },
  };
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
