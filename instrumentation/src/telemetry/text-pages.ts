/**
 * Texts that wait, as bytes on large pages: the collector moves a text that lives for half a second twice, and then has to find it again among
 * the old; a page it never touches. A page goes when the last of its texts has gone.
 */
const PAGE_BYTES = 262_144;
/** Of one UTF-16 code unit in UTF-8, at the most. */
const UNIT_BYTES_MAX = 3;
/** What may need more than this has a place of its own. */
const SHARED_BYTES_MAX = PAGE_BYTES / 8;

let page = Buffer.alloc(0);
let at = 0;

/** The text in UTF-8. */
export function bytesOf(text: string): Uint8Array {
  const most = text.length * UNIT_BYTES_MAX;
  if (most > SHARED_BYTES_MAX) return Buffer.from(text);
  if (at + most > page.length) {
    page = Buffer.allocUnsafeSlow(PAGE_BYTES);
    at = 0;
  }
  const start = at;
  at += page.write(text, at);
  return page.subarray(start, at);
}
