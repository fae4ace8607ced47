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
  /** As many whole words as are in the bytes, little-endian. */
  readonly words: Int32Array;
}

/** The UTF-8 of a text. */
export function literal(text: string): Literal {
  return literalOf(new TextEncoder().encode(text));
}

/** The bytes themselves, not a copy. */
export function literalOf(bytes: Uint8Array): Literal {
  const view = viewOf(bytes);
  const words = Int32Array.from({ length: bytes.length >>> 2 }, (_, index) => view.getInt32(index * 4, true));
  return { bytes, words };
}

/** Whether a literal stands at `at`. */
export function isLiteralAt(source: ByteSource, at: number, { bytes, words }: Literal): boolean {
  const { length } = bytes;
  if (at + length > source.bytes.length) return false;
  const { view } = source;
  const wordCount = words.length;
  for (let index = 0; index < wordCount; index += 1) {
    if (view.getInt32(at + index * 4, true) !== words[index]) return false;
  }
  for (let index = wordCount * 4; index < length; index += 1) {
    if (source.bytes[at + index] !== bytes[index]) return false;
  }
  return true;
}
