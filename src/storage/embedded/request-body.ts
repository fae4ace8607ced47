/**
 * The statement and the insert data of a request. ClickHouse reads `?query=`, a newline and the body as one text; so does
 * this. Insert data goes to a file as it arrives, byte for byte, and is never held in memory; every size is bounded, after
 * decompression too.
 */
import type { IncomingMessage } from "node:http";
import type { Readable, Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { unpackFrames } from "./compressed-frames.ts";
import { EngineError } from "./engine-error.ts";
import { writeInsertData } from "./insert-data.ts";
import { readStatement, type Statement } from "./statement.ts";
import { frameCutter } from "./zstd-frames.ts";

/** An INSERT must show its FORMAT within this many bytes: ClickHouse's default `max_query_size`. */
const HEAD_BYTES_MAX = 256 * 1024;
/** A client that sends nothing of its body for so long is given up. */
const STALL_MS_MAX = 60_000;
const STATEMENT_BYTES_MAX = 16 * 1024 * 1024;

/** A request's statement; `text` is latin1, one character a byte. For insert data, `dataPath` holds the bytes. */
export interface RequestStatement {
  readonly statement: Statement;
  readonly text: string;
}

export interface ReadRequestOptions {
  /** The body, decoded. */
  readonly body: AsyncIterable<Buffer>;
  /** The `query` parameter; empty if the statement is in the body. */
  readonly query: string;
  /** Where insert data is written. The caller deletes it; it may not exist afterwards. */
  readonly dataPath: string;
}

/** @throws EngineError for statements that are too large; what `body` throws */
export async function readRequest({ body, query, dataPath }: ReadRequestOptions): Promise<RequestStatement> {
  const source = joined(query === "" ? Buffer.alloc(0) : Buffer.from(`${query}\n`), body[Symbol.asyncIterator]());
  try {
    return await readFrom(source, dataPath);
  } finally {
    await source.return(undefined); // lets go of the request, so that what is left of it can be dropped
  }
}

async function readFrom(source: AsyncGenerator<Buffer, undefined>, dataPath: string): Promise<RequestStatement> {
  let held: Buffer = Buffer.alloc(0);
  let isEnded = false;
  const readUpTo = async (bytes: number): Promise<void> => {
    const chunks: Buffer[] = [held];
    let length = held.length;
    while (length < bytes && !isEnded) {
      const next = await source.next();
      if (next.done) isEnded = true;
      else {
        chunks.push(next.value);
        length += next.value.length;
      }
    }
    held = Buffer.concat(chunks);
  };

  await readUpTo(HEAD_BYTES_MAX);
  // Only an INSERT's head may end in the middle of things: what follows it is data.
  const head = held.toString("latin1");
  if (/^\s*(?:--|\/\*|#|INSERT)/i.test(head)) {
    const statement = readStatementOfHead(head, isEnded);
    if (statement?.kind === "insert-data") {
      const first = held.subarray(statement.dataStart);
      await writeInsertData(dataPath, joined(first, source));
      return { statement, text: head.slice(0, statement.dataStart) };
    }
  }
  await readUpTo(STATEMENT_BYTES_MAX + 1);
  if (held.length > STATEMENT_BYTES_MAX) {
    throw new EngineError({ code: 54, name: "QUERY_IS_TOO_LARGE", detail: "The statement is larger than 16 MiB" });
  }
  const text = held.toString("latin1");
  return { statement: readStatement(text), text };
}

function readStatementOfHead(head: string, isWhole: boolean): Statement | undefined {
  if (isWhole) return readStatement(head);
  try {
    return readStatement(head);
  } catch {
    return undefined; // cut off in the middle of something: judged again as a whole
  }
}

async function* joined(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, undefined> {
  try {
    if (first.length > 0) yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.(undefined);
  }
  return undefined;
}

/** Options of {@link readBody}. */
export interface ReadBodyOptions {
  readonly request: IncomingMessage;
  /** The body is in ClickHouse's compressed frames, inside any Content-Encoding. */
  readonly isPacked: boolean;
  readonly bodyBytesMax: number;
}

/**
 * The body's bytes, decoded.
 * @throws EngineError for bodies that are too large, before or after decoding, damaged, or in an encoding that is not known
 */
export async function* readBody(options: ReadBodyOptions): AsyncGenerator<Buffer, undefined> {
  const { request, isPacked, bodyBytesMax } = options;
  request.setTimeout(STALL_MS_MAX, () => request.destroy(new Error("no data came for too long")));
  try {
    const bytes = bounded(decoded(request), bodyBytesMax);
    yield* isPacked ? bounded(unpackFrames(bytes), bodyBytesMax) : bytes;
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const detail = `Cannot read the body: ${error instanceof Error ? error.message : String(error)}`;
    throw new EngineError({ code: 117, name: "INCORRECT_DATA", detail, cause: error });
  } finally {
    request.setTimeout(0);
  }
  return undefined;
}

async function* bounded(source: AsyncIterable<unknown>, bytesMax: number): AsyncGenerator<Buffer, undefined> {
  let length = 0;
  for await (const chunk of source) {
    const bytes = chunk as Buffer;
    length += bytes.length;
    if (length > bytesMax) {
      const detail = `The body is larger than ${bytesMax} bytes`;
      throw new EngineError({ code: 54, name: "QUERY_IS_TOO_LARGE", detail });
    }
    yield bytes;
  }
  return undefined;
}

function decoded(request: IncomingMessage): AsyncIterable<unknown> {
  const decoder = decoderOf(request.headers["content-encoding"]);
  // A destroyed request takes its socket along, and with it the answer that says what was wrong.
  if (decoder === undefined) return request.iterator({ destroyOnReturn: false });
  request.on("error", (error) => decoder.destroy(error));
  request.on("close", () => {
    if (!request.complete) decoder.destroy(new Error("the client closed the connection"));
  });
  return toItsEnd(request, decoder);
}

/** Node's decoders say nothing of what is behind the end of what they read. */
async function* toItsEnd(request: IncomingMessage, decoder: Transform): AsyncGenerator<unknown, undefined> {
  let received = 0;
  request.on("data", (chunk: Buffer) => {
    received += chunk.length;
  });
  const isZstd = request.headers["content-encoding"] === "zstd";
  const source: Readable = isZstd ? request.pipe(frameCutter()) : request;
  // What is left of the request is for who answers, to be dropped.
  decoder.once("close", () => request.unpipe());
  yield* source.pipe(decoder) as Readable;
  const { bytesWritten } = decoder as Transform & { readonly bytesWritten: number };
  if (bytesWritten < received) throw new TypeError(`${received - bytesWritten} bytes stand behind its end`);
  return undefined;
}

function decoderOf(encoding: string | undefined): Transform | undefined {
  switch (encoding) {
    case undefined:
    case "":
    case "identity":
      return undefined;
    case "gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      throw new EngineError({
        code: 48,
        name: "NOT_IMPLEMENTED",
        detail: `Unknown Content-Encoding ${JSON.stringify(encoding)}`,
      });
  }
}
