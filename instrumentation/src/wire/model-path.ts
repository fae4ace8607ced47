/** A path as servers read it, whatever its spelling: what is compared, never what is sent. Pure. */

/** Letters, digits and marks that need no percent sign. https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2.2 */
const ENCODED = /%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/gi;
/** Some gateways take a path in any case. */
const IN_ANY_CASE = /\/(?:(?:chat\/)?completions|responses|embeddings|messages|images\/generations|audio\/speech)$/i;

const UNUSUAL = /%|\/\/|.\/$|[A-Z]/;

export function modelPath(path: string): string {
  if (!UNUSUAL.test(path)) return path;
  return path
    .replaceAll(ENCODED, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)))
    .replaceAll(/\/{2,}/g, "/")
    .replace(/(.)\/$/, "$1")
    .replace(IN_ANY_CASE, (end) => end.toLowerCase());
}
