/** Bodies of requests as bytes. Pure but for reading them. */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { textOfJson } from "./json-text.ts";

type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

const UNPACK: Readonly<Record<string, Unpack>> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflate,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** A larger body is not read: no prompt is that long. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024;

const ENCODINGS_MAX = 4;
/** Of what a body is said to be: letters that are not UTF-8, or a part of it. */
const OTHER_LETTERS = /charset\s*=\s*"?(?!utf-?8|us-ascii)[^\s;"]/i;

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

export interface ReadBody {
  /** `undefined`: it says nothing, or nobody here can tell. */
  readonly json: unknown;
  /** What it says where that is no JSON. */
  readonly text?: string;
  /** Neither packed nor in other letters than UTF-8: what is written in its place reads the same. */
  readonly isPlain: boolean;
}

export function readBody(
  body: string | Uint8Array | undefined,
  header: (name: string) => string | undefined,
): ReadBody {
  const encodings = encodingsOf(header("content-encoding") ?? "");
  const isPacked = encodings.length > 0;
  const isNamedOtherwise = OTHER_LETTERS.test(header("content-type") ?? "");
  const isPlain = !isPacked && !isNamedOtherwise;
  if (body === undefined || body.length === 0) return { json: undefined, isPlain };
  if (typeof body === "string" && !isPacked) return { ...parsed(body), isPlain };
  try {
    const { text, isUtf8 } = textOfJson(unpacked(typeof body === "string" ? Buffer.from(body) : body, encodings));
    return { ...parsed(text), isPlain: isPlain && isUtf8 };
  } catch {
    return { json: undefined, isPlain };
  }
}

/** Servers that take a byte order mark are common enough. */
function parsed(text: string): Pick<ReadBody, "json" | "text"> {
  try {
    return { json: JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text) as unknown };
  } catch {
    return { json: undefined, text };
  }
}

/** By their names, the last one that was put on first. */
function encodingsOf(header: string): readonly string[] {
  if (header === "") return [];
  const names = header.split(",").map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== "" && name !== "identity").toReversed();
}

/** Throws for what is not packed so, is longer than any prompt, or packed more often than anybody does. */
function unpacked(body: Uint8Array, encodings: readonly string[]): Uint8Array {
  if (encodings.length > ENCODINGS_MAX) throw new RangeError(`packed ${encodings.length} times`);
  let bytes = body;
  for (const encoding of encodings) {
    const unpack = Object.hasOwn(UNPACK, encoding) ? UNPACK[encoding] : undefined;
    if (unpack === undefined) throw new RangeError(`no encoding that is known: ${encoding}`);
    bytes = unpack(bytes, { maxOutputLength: BODY_BYTES_MAX });
  }
  return bytes;
}

/** Some send it without the head that it should have. https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.2 */
function inflate(bytes: Uint8Array, options: { readonly maxOutputLength: number }): Uint8Array {
  const hasHead = ((bytes[0] ?? 0) & 0x0f) === 8 && (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % 31 === 0;
  return hasHead ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
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
