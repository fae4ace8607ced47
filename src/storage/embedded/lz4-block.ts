/**
 * LZ4's block format, both ways: no frame header, no checksum, sizes known from outside.
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 *
 * Own code because the packages are either native or unkept, and the format is a page long. The packer is greedy with one
 * candidate a position: as dense as LZ4's fast mode, at a tenth of its speed.
 */

const MATCH_MIN = 4;
/** No match may begin within the last 12 bytes, nor reach into the last 5. */
const MATCH_START_MARGIN = 12;
const LITERALS_LAST = 5;
const OFFSET_MAX = 65_535;
const HASH_BITS = 14;

/** Thrown for bytes that are not an LZ4 block of the promised size. */
export class Lz4Error extends Error {
  override readonly name = "Lz4Error";
}

/** The most bytes that a block of `length` bytes can have packed. */
export function packedBytesMax(length: number): number {
  return length + Math.floor(length / 255) + 16;
}

/**
 * Unpacks a block into exactly `size` bytes. Never reads or writes beyond either buffer, whatever the bytes are.
 * @throws Lz4Error
 */
export function unpackBlock(block: Uint8Array, size: number): Buffer {
  const output = Buffer.alloc(size);
  let from = 0;
  let to = 0;
  const readLength = (start: number): number => {
    if (start < 15) return start;
    let length = start;
    for (;;) {
      const byte = block[from];
      if (byte === undefined) throw new Lz4Error("a length is cut off");
      from += 1;
      length += byte;
      if (byte !== 255) return length;
    }
  };
  for (;;) {
    const token = block[from];
    if (token === undefined) throw new Lz4Error("the block ends without its last literals");
    from += 1;
    const literals = readLength(token >> 4);
    if (literals > block.length - from || literals > size - to) throw new Lz4Error("literals exceed a buffer");
    copyWithin({ from: block, at: from, length: literals, to: output, toAt: to });
    from += literals;
    to += literals;
    if (from === block.length) break;
    const offset = (block[from] ?? 0) | ((block[from + 1] ?? 0) << 8);
    from += 2;
    if (offset === 0 || offset > to || from > block.length) throw new Lz4Error("a match lies outside of the output");
    const length = readLength(token & 15) + MATCH_MIN;
    if (length > size - to) throw new Lz4Error("a match exceeds the output");
    repeat(output, { at: to, offset, length });
    to += length;
  }
  if (to !== size) throw new Lz4Error(`the block holds ${to} bytes where ${size} were promised`);
  return output;
}

/** Packs `input`; the answer is never longer than {@link packedBytesMax}. */
export function packBlock(input: Uint8Array): Uint8Array {
  const output = Buffer.allocUnsafe(packedBytesMax(input.length));
  const candidates = new Int32Array(1 << HASH_BITS).fill(-1);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const matchStartMax = input.length - MATCH_START_MARGIN;
  const matchEndMax = input.length - LITERALS_LAST;
  let to = 0;
  let anchor = 0;
  let at = 0;
  let misses = 0;
  while (at <= matchStartMax) {
    const four = view.getUint32(at, true);
    const slot = Math.imul(four, 2_654_435_761) >>> (32 - HASH_BITS);
    const candidate = candidates[slot] ?? -1;
    candidates[slot] = at;
    if (candidate < 0 || at - candidate > OFFSET_MAX || view.getUint32(candidate, true) !== four) {
      // Strides grow where nothing matches, so that data which can't be packed costs little.
      misses += 1;
      at += 1 + (misses >> 6);
      continue;
    }
    misses = 0;
    let end = at + MATCH_MIN;
    for (let back = candidate + MATCH_MIN; end < matchEndMax && input[end] === input[back]; back += 1) end += 1;
    to = writeSequence(output, { to, input, anchor, literals: at - anchor, match: end - at, offset: at - candidate });
    at = end;
    anchor = end;
  }
  to = writeSequence(output, { to, input, anchor, literals: input.length - anchor, match: 0, offset: 0 });
  return output.subarray(0, to);
}

interface Sequence {
  readonly to: number;
  readonly input: Uint8Array;
  readonly anchor: number;
  readonly literals: number;
  /** 0 for the last sequence, which is literals only. */
  readonly match: number;
  readonly offset: number;
}

/** Answers where the next sequence goes. */
function writeSequence(output: Buffer, { to, input, anchor, literals, match, offset }: Sequence): number {
  const matchCode = match === 0 ? 0 : match - MATCH_MIN;
  output[to] = (Math.min(literals, 15) << 4) | Math.min(matchCode, 15);
  let at = writeLength(output, to + 1, literals);
  copyWithin({ from: input, at: anchor, length: literals, to: output, toAt: at });
  at += literals;
  if (match === 0) return at;
  output[at] = offset & 255;
  output[at + 1] = offset >> 8;
  return writeLength(output, at + 2, matchCode);
}

function writeLength(output: Buffer, to: number, length: number): number {
  if (length < 15) return to;
  let at = to;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) {
    output[at] = 255;
    at += 1;
  }
  output[at] = rest;
  return at + 1;
}

interface Copy {
  readonly from: Uint8Array;
  readonly at: number;
  readonly length: number;
  readonly to: Buffer;
  readonly toAt: number;
}

/** Byte by byte while that is cheaper than a call into the runtime. */
function copyWithin({ from, at, length, to, toAt }: Copy): void {
  if (length > 32) {
    to.set(from.subarray(at, at + length), toAt);
    return;
  }
  for (let index = 0; index < length; index += 1) to[toAt + index] = from[at + index] ?? 0;
}

/** A match may overlap what it writes: then it repeats itself. */
function repeat(output: Buffer, { at, offset, length }: { at: number; offset: number; length: number }): void {
  if (offset >= length && length > 32) {
    output.copyWithin(at, at - offset, at - offset + length);
    return;
  }
  for (let index = at; index < at + length; index += 1) output[index] = output[index - offset] ?? 0;
}
