/**
 * Spans that wait, as bytes on large pages: the collector moves what lives for half a second twice, and then has to find it again among
 * the old; a page it never touches. A page goes when the last of its spans has gone.
 */
const PAGE_BYTES = 262_144;
/** What needs more than this has a place of its own. */
const SHARED_BYTES_MAX = PAGE_BYTES / 8;

let page = new Uint8Array(0);
let at = 0;

/** A copy of the bytes. */
export function keep(bytes: Uint8Array): Uint8Array {
  if (bytes.length > SHARED_BYTES_MAX) return Uint8Array.from(bytes);
  if (at + bytes.length > page.length) {
    page = Buffer.allocUnsafeSlow(PAGE_BYTES);
    at = 0;
  }
  const start = at;
  page.set(bytes, start);
  at += bytes.length;
  return page.subarray(start, at);
}
