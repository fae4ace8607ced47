/**
 * ClickHouse's own compression (`compress=1`, `decompress=1`): a row of frames, each with a checksum, a method and sizes.
 *
 *     16 bytes  CityHash128 (1.0.2) of all that follows in the frame
 *      1 byte   method: 0x02 stored, 0x82 LZ4, 0x90 zstd
 *      4 bytes  length from the method on, little-endian
 *      4 bytes  length unpacked, little-endian
 *
 * Frames are written with LZ4, which every client has; all three are read. Nothing is unpacked, and no memory taken for
 * it, before the checksum is right and the promised length is one that the method can reach.
 * @see https://clickhouse.com/docs/native-protocol/compression
 */
import { setImmediate } from "node:timers/promises";
import { zstdDecompressSync } from "node:zlib";
import { cityHash128 } from "./city-hash.ts";
import { EngineError } from "./engine-error.ts";
import { packBlock, packedBytesMax, unpackBlock } from "./lz4-block.ts";

const CHECKSUM_BYTES = 16;
const HEADER_BYTES = 9;
const METHOD_STORED = 0x02;
const METHOD_LZ4 = 0x82;
const METHOD_ZSTD = 0x90;
/** Unpacked bytes in a frame that is written: ClickHouse's own default. */
const FRAME_BYTES = 1024 * 1024;
/** Unpacked bytes in a frame that is read: clickhouse-go sends a block as one frame, and no more than this. */
const FRAME_BYTES_MAX = 128 * 1024 * 1024;
/** One byte of an LZ4 block stands for at most 255. */
const LZ4_RATIO_MAX = 255;

/** Packs `bytes` frame by frame; other requests are served between two frames. No bytes make no frames. */
export async function packFrames(bytes: Uint8Array): Promise<Buffer> {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
    frames.push(...packFrame(bytes.subarray(at, at + FRAME_BYTES)));
    await setImmediate();
  }
  return Buffer.concat(frames);
}

/** One frame with `bytes` as they are: for clients that look for an error's text before they unpack anything. */
export function storedFrame(bytes: Uint8Array): Buffer {
  return Buffer.concat(frameOf({ method: METHOD_STORED, block: bytes, length: bytes.length }));
}

function packFrame(bytes: Uint8Array): readonly [checksum: Uint8Array, rest: Uint8Array] {
  return frameOf({ method: METHOD_LZ4, block: packBlock(bytes), length: bytes.length });
}

interface FrameParts {
  readonly method: number;
  readonly block: Uint8Array;
  /** Unpacked. */
  readonly length: number;
}

function frameOf({ method, block, length }: FrameParts): readonly [checksum: Uint8Array, rest: Uint8Array] {
  const rest = Buffer.allocUnsafe(HEADER_BYTES + block.length);
  rest[0] = method;
  rest.writeUInt32LE(rest.length, 1);
  rest.writeUInt32LE(length, 5);
  rest.set(block, HEADER_BYTES);
  return [cityHash128(rest), rest];
}

/**
 * The unpacked bytes of the frames in `source`, one frame a chunk.
 * @throws EngineError for damaged, cut, unknown or too large frames, before anything of them is given out
 */
export async function* unpackFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let held: Uint8Array[] = [];
  let heldLength = 0;
  let needed = CHECKSUM_BYTES + HEADER_BYTES;
  for await (const chunk of source) {
    held.push(chunk);
    heldLength += chunk.length;
    while (heldLength >= needed) {
      const [first] = held;
      const bytes = held.length === 1 && Buffer.isBuffer(first) ? first : Buffer.concat(held);
      const frameLength = readFrameLength(bytes);
      if (bytes.length >= frameLength) {
        yield unpackFrame(bytes.subarray(0, frameLength));
        held = [bytes.subarray(frameLength)];
        heldLength -= frameLength;
        needed = CHECKSUM_BYTES + HEADER_BYTES;
      } else {
        held = [bytes];
        needed = frameLength;
      }
    }
  }
  if (heldLength > 0) throw frameError(33, "CANNOT_READ_ALL_DATA", "A compressed frame is cut off");
  return undefined;
}

function readFrameLength(bytes: Buffer): number {
  const method = bytes[CHECKSUM_BYTES] ?? 0;
  const length = bytes.readUInt32LE(CHECKSUM_BYTES + 1);
  const unpacked = bytes.readUInt32LE(CHECKSUM_BYTES + 5);
  if (method !== METHOD_STORED && method !== METHOD_LZ4 && method !== METHOD_ZSTD) {
    const detail = `Unknown compression method 0x${method.toString(16).padStart(2, "0")}`;
    throw frameError(89, "UNKNOWN_COMPRESSION_METHOD", detail);
  }
  // A little over the packed maximum: zstd, too, may make bytes longer that can't be packed.
  if (unpacked > FRAME_BYTES_MAX || length > packedBytesMax(FRAME_BYTES_MAX)) {
    throw frameError(131, "TOO_LARGE_STRING_SIZE", `A compressed frame holds more than ${FRAME_BYTES_MAX} bytes`);
  }
  if (length < HEADER_BYTES)
    throw frameError(271, "CANNOT_DECOMPRESS", "A compressed frame is shorter than its header");
  return CHECKSUM_BYTES + length;
}

function unpackFrame(frame: Buffer): Buffer {
  const rest = frame.subarray(CHECKSUM_BYTES);
  if (!frame.subarray(0, CHECKSUM_BYTES).equals(cityHash128(rest))) {
    throw frameError(40, "CHECKSUM_DOESNT_MATCH", "Checksum doesn't match: corrupted data in a compressed frame");
  }
  const size = rest.readUInt32LE(5);
  const packed = rest.subarray(HEADER_BYTES);
  try {
    const bytes = unpack(rest[0] ?? 0, packed, size);
    if (bytes.length !== size) throw new Error(`${bytes.length} bytes where ${size} were promised`);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw frameError(271, "CANNOT_DECOMPRESS", `Cannot decompress a frame: ${reason}`);
  }
}

function unpack(method: number, packed: Buffer, size: number): Uint8Array {
  if (method === METHOD_STORED) return packed;
  if (method === METHOD_ZSTD) {
    // Refuses to give out more than promised; 1 because it must be positive.
    return zstdDecompressSync(packed, { maxOutputLength: Math.max(size, 1) });
  }
  if (size > packed.length * LZ4_RATIO_MAX) throw new Error("more bytes were promised than the method can reach");
  return unpackBlock(packed, size);
}

function frameError(code: number, name: string, detail: string): EngineError {
  return new EngineError({ code, name, detail });
}
