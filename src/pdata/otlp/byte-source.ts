/** Bytes that are read one by one, or in words of four, which is a third of the work where texts are compared or copied. */
export interface ByteSource {
  readonly bytes: Buffer;
  /** Of the same bytes. */
  readonly view: DataView;
}

/** Has its high bit in each byte: a word of ASCII has none of these. */
export const NOT_ASCII = 0x8080_8080 | 0;

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Bytes to be looked for in others. */
export interface Literal {
  readonly bytes: Uint8Array;
  /**
   * All of the bytes in words of eight, little-endian, the last one over some of those before. None where there are fewer bytes, or
   * where a word does not equal itself, and itself only, as a number.
   */
  readonly doubles: Float64Array;
  /** Where there are none of those: as many whole words as are in the bytes. */
  readonly words: Int32Array;
}

const DOUBLE_BYTES = 8;
const NO_DOUBLES = new Float64Array(0);
const NO_WORDS = new Int32Array(0);

/** The UTF-8 of a text. */
export function literal(text: string): Literal {
  return literalOf(new TextEncoder().encode(text));
}

/** The bytes themselves, not a copy. */
export function literalOf(bytes: Uint8Array): Literal {
  const view = viewOf(bytes);
  const doubles = doublesOf(view);
  return { bytes, doubles, words: doubles.length > 0 ? NO_WORDS : wordsOf(view) };
}

function wordsOf(view: DataView): Int32Array {
  return Int32Array.from({ length: view.byteLength >>> 2 }, (_, index) => view.getInt32(index * 4, true));
}

function doublesOf(view: DataView): Float64Array {
  const last = view.byteLength - DOUBLE_BYTES;
  if (last < 0) return NO_DOUBLES;
  const count = Math.ceil(view.byteLength / DOUBLE_BYTES);
  const doubles = Float64Array.from({ length: count }, (_, index) =>
    view.getFloat64(Math.min(index * DOUBLE_BYTES, last), true),
  );
  // NaN is not itself, and 0 is -0.
  return doubles.some((double) => Number.isNaN(double) || double === 0) ? NO_DOUBLES : doubles;
}

/** Whether a literal stands at `at`. */
export function isLiteralAt(source: ByteSource, at: number, wanted: Literal): boolean {
  const { bytes, words, doubles } = wanted;
  const { length } = bytes;
  if (at + length > source.bytes.length) return false;
  const { view } = source;
  if (doubles.length > 0) return areDoublesAt(view, at, wanted);
  const wordCount = words.length;
  for (let index = 0; index < wordCount; index += 1) {
    if (view.getInt32(at + index * 4, true) !== words[index]) return false;
  }
  for (let index = wordCount * 4; index < length; index += 1) {
    if (source.bytes[at + index] !== bytes[index]) return false;
  }
  return true;
}

/** The last one first: keys of one family begin alike. */
function areDoublesAt(view: DataView, at: number, { bytes, doubles }: Literal): boolean {
  const last = doubles.length - 1;
  if (view.getFloat64(at + bytes.length - DOUBLE_BYTES, true) !== doubles[last]) return false;
  for (let index = 0; index < last; index += 1) {
    if (view.getFloat64(at + index * DOUBLE_BYTES, true) !== doubles[index]) return false;
  }
  return true;
}
