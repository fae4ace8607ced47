/** Bodies of requests as bytes. Pure but for reading them. */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";

type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

const UNPACK: Readonly<Record<string, Unpack>> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** A larger body is not read: no prompt is that long. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** Reads a stream to its end, as it has to be sent in one piece then. Throws what the stream throws. */
export async function collect(stream: AsyncIterable<unknown> | Iterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : toBytes(chunk));
  return Buffer.concat(chunks);
}

/** `undefined`: its text can't be told (forms), or there is too much of it. */
export function textOf(body: unknown): string | Uint8Array | undefined | Promise<Uint8Array> {
  if (isBlob(body)) return body.size > BODY_BYTES_MAX ? undefined : body.arrayBuffer().then((bytes) => toBytes(bytes));
  if (typeof body === "string") return body.length > BODY_BYTES_MAX ? undefined : body;
  if (!(body instanceof ArrayBuffer) && !ArrayBuffer.isView(body)) return undefined;
  const bytes = toBytes(body);
  return bytes.length > BODY_BYTES_MAX ? undefined : bytes;
}

/** What it says as JSON, unpacked from `encoding` ("": it is not packed). `undefined`: it says nothing, or nobody here can tell. */
export function readJson(body: string | Uint8Array | undefined, encoding: string): unknown {
  if (body === undefined || body.length === 0) return undefined;
  try {
    const text = typeof body === "string" && encoding === "" ? body : utf8(unpacked(body, encoding));
    // Servers that take a byte order mark are common enough.
    return JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text);
  } catch {
    return undefined;
  }
}

/** Throws for what is not packed so, or is longer than any prompt. */
function unpacked(body: string | Uint8Array, encoding: string): Uint8Array {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (encoding === "") return bytes;
  const unpack = Object.hasOwn(UNPACK, encoding) ? UNPACK[encoding] : undefined;
  if (unpack === undefined) throw new RangeError(`no encoding that is known: ${encoding}`);
  return unpack(bytes, { maxOutputLength: BODY_BYTES_MAX });
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** Of any copy of the class. */
export function isBlob(body: unknown): body is Blob {
  return typeof body === "object" && body !== null && "arrayBuffer" in body && "size" in body && "type" in body;
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(String(chunk));
}
