/** Short ASCII texts come again and again (keys, models, tools, sessions): the same string is cheaper than a new one. */
const LENGTH_MAX = 64;
const SLOTS = 8_192;

/** Direct-mapped: a slot that holds another text is overwritten. At most 64 characters each, so that it stays small. */
const texts: (string | undefined)[] = Array.from<string | undefined>({ length: SLOTS });

/** UTF-8 to a string with memory of its own; invalid sequences become U+FFFD. */
export function textOf(bytes: Buffer, start: number, length: number): string {
  if (length > LENGTH_MAX) return bytes.toString("utf8", start, start + length);
  const end = start + length;
  let hash = length;
  let bits = 0;
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    bits |= byte;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  if (bits > 0x7f) return bytes.toString("utf8", start, end);
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const cached = texts[slot];
  if (cached !== undefined && cached.length === length && isAt(cached, bytes, start)) return cached;
  const text = bytes.toString("latin1", start, end);
  texts[slot] = text;
  return text;
}

/** Whether an ASCII text stands in the bytes. */
function isAt(text: string, bytes: Buffer, start: number): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}
