/** Reads and decompresses a request body within bounds: a gzip bomb stops at the limit, not at the end of memory. */
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { constants, gunzip, inflate, zstdDecompress } from "node:zlib";
import type { BufferSource } from "../../support/buffer-pool.ts";
import type { Reservation } from "./memory-gate.ts";

export type Body =
  | { readonly kind: "body"; readonly bytes: Buffer }
  | { readonly kind: "refused"; readonly status: 400 | 413 | 415 | 503; readonly reason: string }
  /** The client went away before the end: nobody is there to answer. */
  | { readonly kind: "aborted" };

type Decompress = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

/** 8 MiB, the most that a zstd frame over HTTP may want as its window: https://www.rfc-editor.org/rfc/rfc9659 */
const ZSTD_WINDOW_LOG_MAX = 23;
/** Of one body. An encoder makes one, or one for each of its threads. */
const ZSTD_FRAMES_MAX = 1_000;
const unzstd = promisify(zstdDecompress);

const DECOMPRESSORS: ReadonlyMap<string, Decompress> = new Map<string, Decompress>([
  ["gzip", promisify(gunzip)],
  ["deflate", promisify(inflate)],
  ["zstd", unzstdAll],
]);

/** With `info`, how far it read, too, which its types do not know. */
interface Unpacked {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** Node reads the first frame only, and says nothing of what is behind it: https://www.rfc-editor.org/rfc/rfc8878#section-3 */
async function unzstdAll(bytes: Buffer, { maxOutputLength }: { readonly maxOutputLength: number }): Promise<Buffer> {
  // A frame names its window, and memory for it is taken before any output: it needs a bound of its own.
  const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX };
  const contents: Buffer[] = [];
  let length = 0;
  let at = 0;
  do {
    if (contents.length === ZSTD_FRAMES_MAX) throw new TypeError("more frames than anybody makes");
    const options = { maxOutputLength: Math.max(1, maxOutputLength - length), info: true, params };
    const { buffer, engine } = (await unzstd(bytes.subarray(at), options)) as unknown as Unpacked;
    contents.push(buffer);
    length += buffer.length;
    at += engine.bytesWritten;
  } while (at < bytes.length);
  const [first] = contents;
  return contents.length === 1 && first !== undefined ? first : Buffer.concat(contents, length);
}

export interface BodyOptions {
  /** Bound of the body, before and after decompression. */
  readonly bytesMax: number;
  /** Grows with what has arrived, not with what was announced: a sender who is slow holds little. */
  readonly memory: Reservation;
  /** Where the body's own memory comes from; a decompressed one has memory of its own. */
  readonly buffers: BufferSource;
}

/** A usual ratio for OTLP under compression, where the body does not say what it is. */
const COMPRESSION_RATIO = 8;
/** A gzip member ends with its length: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1 */
const GZIP_LENGTH_BYTES = 4;
const NO_MEMORY: Body = { kind: "refused", status: 503, reason: "too much is being received, come back later" };

export async function readBody(request: IncomingMessage, options: BodyOptions): Promise<Body> {
  const { bytesMax, memory } = options;
  const encoding = contentEncodingOf(request);
  const decompress = DECOMPRESSORS.get(encoding);
  if (decompress === undefined && encoding !== "") {
    return { kind: "refused", status: 415, reason: "content-encoding must be gzip, deflate, zstd or identity" };
  }
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return tooLarge(bytesMax);
  const raw = await readRaw(request, options);
  if (raw.kind !== "body" || decompress === undefined) return raw;
  const { bytes } = raw;
  const expected = Math.min(expectedLength(bytes, encoding), bytesMax);
  return unpack({ bytes, encoding, decompress, memory, lengths: [...new Set([expected, bytesMax])] });
}

interface UnpackTask {
  readonly bytes: Buffer;
  readonly encoding: string;
  readonly decompress: Decompress;
  readonly memory: Reservation;
  /** What it may become, rising: nothing is unpacked beyond what there is memory for, and nothing at all beyond the last. */
  readonly lengths: readonly number[];
}

/** Most are what was expected; one that is more is unpacked once more, when there is memory for as much as it may be. */
async function unpack({ bytes, encoding, decompress, memory, lengths }: UnpackTask): Promise<Body> {
  for (const maxOutputLength of lengths) {
    if (!memory.tryGrowTo(bytes.length + maxOutputLength)) return NO_MEMORY;
    try {
      const unpacked = await decompress(bytes, { maxOutputLength });
      memory.shrinkTo(unpacked.length);
      return { kind: "body", bytes: unpacked };
    } catch (error) {
      if (!isBeyondLength(error)) return { kind: "refused", status: 400, reason: `body is not valid ${encoding}` };
    }
  }
  return tooLarge(lengths.at(-1) ?? 0);
}

function isBeyondLength(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

/** What a body says it is, or what most are: at least 1. A sender may say anything; no more than that is unpacked. */
function expectedLength(bytes: Buffer, encoding: string): number {
  const at = bytes.length - GZIP_LENGTH_BYTES;
  const length = encoding === "gzip" && at >= 0 ? bytes.readUInt32LE(at) : bytes.length * COMPRESSION_RATIO;
  return Math.max(1, length);
}

/** What the body is packed as, "" for nothing. It is a list, and `x-gzip` is gzip: https://www.rfc-editor.org/rfc/rfc9110#section-8.4 */
function contentEncodingOf(request: IncomingMessage): string {
  return (request.headers["content-encoding"] ?? "")
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim().replace(/^x-gzip$/, "gzip"))
    .filter((coding) => coding !== "" && coding !== "identity")
    .join(", ");
}

async function readRaw(request: IncomingMessage, { bytesMax, memory, buffers }: BodyOptions): Promise<Body> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // What is not read here is for who answers: destroyed with the rest of it, the connection would be gone before the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytesMax) return tooLarge(bytesMax);
      if (!memory.tryGrowTo(length)) return NO_MEMORY;
      chunks.push(chunk);
    }
  } catch {
    return { kind: "aborted" };
  }
  return { kind: "body", bytes: joined(chunks, buffers.take(length).subarray(0, length)) };
}

function joined(chunks: readonly Buffer[], target: Buffer): Buffer {
  let at = 0;
  for (const chunk of chunks) {
    target.set(chunk, at);
    at += chunk.length;
  }
  return target;
}

function tooLarge(bytesMax: number): Body {
  return { kind: "refused", status: 413, reason: `body is larger than ${bytesMax} bytes` };
}
