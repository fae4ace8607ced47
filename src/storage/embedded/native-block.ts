/**
 * The two blocks of ClickHouse's Native format that chDB can't be asked for: the answer to clickhouse-go's hello, and the
 * columns of an answer without rows (chDB gives no bytes at all, and a Grafana panel no columns).
 * @see https://clickhouse.com/docs/interfaces/formats/Native
 *
 * A client that sends `client_protocol_version` wants blocks of that revision: block info first, and after each type a
 * byte that says whether the column is serialised in a way of its own. chDB writes blocks of revision 0, which have
 * neither. So the hello, and it alone, is written at the client's revision; it says that this server's revision is 0, and
 * clickhouse-go reads all that follows at that.
 */

/** First revision with block info: is overflow (1) = 0, bucket number (2) = -1, end (0). */
const REVISION_BLOCK_INFO = 51_903;
const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);
/** First revision with a byte for serialisation after each type. */
const REVISION_CUSTOM_SERIALIZATION = 54_454;

const HELLO = /^\s*SELECT\s+displayName\(\)\s*,\s*version\(\)\s*,\s*revision\(\)\s*,\s*timezone\(\)\s*;?\s*$/i;

/** Whether `text` is the query that clickhouse-go opens each connection with. */
export function isHello(text: string): boolean {
  return HELLO.test(text);
}

/** What the hello says of the server. */
export interface Hello {
  readonly displayName: string;
  readonly version: string;
  readonly timezone: string;
  /** The revision of the client, in which the block is written. */
  readonly clientRevision: number;
}

/** The answer to the hello: one row, one block. */
export function helloBlock({ displayName, version, timezone, clientRevision }: Hello): Buffer {
  const columns: readonly (readonly [name: string, type: string, value: Buffer])[] = [
    ["displayName()", "String", text(displayName)],
    ["version()", "String", text(version)],
    ["revision()", "UInt32", Buffer.alloc(4)],
    ["timezone()", "String", text(timezone)],
  ];
  const serialization = Buffer.alloc(clientRevision >= REVISION_CUSTOM_SERIALIZATION ? 1 : 0);
  return Buffer.concat([
    clientRevision >= REVISION_BLOCK_INFO ? BLOCK_INFO : Buffer.alloc(0),
    unsigned(columns.length),
    unsigned(1),
    ...columns.flatMap(([name, type, value]) => [text(name), text(type), serialization, value]),
  ]);
}

/** A column as DESCRIBE gives it. */
export interface NativeColumn {
  readonly name: string;
  readonly type: string;
}

/** A block of revision 0 with these columns and no rows. */
export function emptyBlock(columns: readonly NativeColumn[]): Buffer {
  return Buffer.concat([
    unsigned(columns.length),
    unsigned(0),
    ...columns.flatMap(({ name, type }) => [text(name), text(type)]),
  ]);
}

/** The columns that an answer in RowBinaryWithNamesAndTypes begins with. */
export function readColumns(bytes: Uint8Array): readonly NativeColumn[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const readUnsigned = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = buffer.readUInt8(at);
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const readText = (): string => {
    const length = readUnsigned();
    at += length;
    return buffer.toString("utf8", at - length, at);
  };
  const names = Array.from({ length: readUnsigned() }, readText);
  return names.map((name) => ({ name, type: readText() }));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([unsigned(bytes.length), bytes]);
}

/** LEB128. */
function unsigned(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
