/**
 * The journal's frames: [length u32][crc32 of payload u32][payload], little endian. A frame is what one write carried, with
 * all its events: it is there whole or not at all. Zeros to the end of the file are room for frames to come. Pure: bytes in,
 * bytes out.
 */
import { crc32 } from "node:zlib";

const HEADER_BYTES = 8;
/** More than any group of commands makes; what claims to be longer is damage. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

export function encodeFrame(payload: string): Buffer {
  const bytes = Buffer.byteLength(payload);
  if (bytes === 0 || bytes > FRAME_BYTES_MAX) throw new RangeError(`a frame holds 1 to ${FRAME_BYTES_MAX} bytes`);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  frame.write(payload, HEADER_BYTES);
  frame.writeUInt32LE(bytes, 0);
  frame.writeUInt32LE(crc32(frame.subarray(HEADER_BYTES)), 4);
  return frame;
}

export type FrameReading =
  | { readonly kind: "frame"; readonly payload: string; readonly next: number }
  | { readonly kind: "end" }
  /** Not a whole frame. `isTail`: nothing valid comes after, as after a crash in the middle of the last write. */
  | { readonly kind: "broken"; readonly isTail: boolean };

export function readFrame(file: Buffer, offset: number): FrameReading {
  if (isRoom(file, offset)) return { kind: "end" };
  const payload = payloadAt(file, offset);
  if (payload === undefined) return { kind: "broken", isTail: !hasFrameAfter(file, offset) };
  return { kind: "frame", payload: payload.toString("utf8"), next: offset + HEADER_BYTES + payload.length };
}

/** Whether nothing was written from here on. A frame begins with its length, which is never 0. */
function isRoom(file: Buffer, offset: number): boolean {
  const bytes = file.length - offset;
  // Asked for each frame: mostly answered by the length that it begins with.
  if (bytes >= HEADER_BYTES && file.readUInt32LE(offset) !== 0) return false;
  return bytes === 0 || file.subarray(offset).equals(Buffer.alloc(bytes));
}

function payloadAt(file: Buffer, offset: number): Buffer | undefined {
  const start = offset + HEADER_BYTES;
  if (start >= file.length) return undefined;
  const length = file.readUInt32LE(offset);
  if (length === 0 || length > FRAME_BYTES_MAX || start + length > file.length) return undefined;
  const payload = file.subarray(start, start + length);
  return crc32(payload) === file.readUInt32LE(offset + 4) ? payload : undefined;
}

/** Frames start anywhere once the length before them can't be trusted. Payloads start with `{`, which spares most sums. */
function hasFrameAfter(file: Buffer, offset: number): boolean {
  const brace = 0x7b;
  for (let start = file.indexOf(brace, offset + HEADER_BYTES + 1); start >= 0; start = file.indexOf(brace, start + 1)) {
    if (payloadAt(file, start - HEADER_BYTES) !== undefined) return true;
  }
  return false;
}
