/**
 * A path as servers read it, whatever its spelling, and whether it is one of a model's: what is compared, never what is sent. Which server
 * is lenient nobody can tell from here, so what the most lenient one takes for a call of a model is one. Pure.
 */

/** Paths that a model call may have on any host: only then is a body looked at. */
const ANYWHERE =
  /\/(?:(?:chat\/)?completions|responses|embeddings|messages|images\/generations|audio\/speech)$|:(?:(?:streamG|g)enerateContent|(?:batchE|e)mbedContents?|(?:streamR|r)awPredict)$|\/model\/[^/]+\/(?:converse(?:-stream)?|invoke(?:-with-response-stream)?)$/;
/** Letters, digits and marks that need no percent sign. https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2.2 */
const ENCODED = /%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/gi;
/** Some gateways take a path in any case. */
const IN_ANY_CASE =
  /\/(?:v1\/)?(?:(?:chat\/)?completions|responses|embeddings|messages|images\/generations|audio\/speech)$/i;
const UNUSUAL = /[%;A-Z]|\/\/|.\/$/;
/** How often a path is decoded: by a proxy, and by what is behind it. */
const ROUNDS = 3;

/** Methods that run nothing with any provider. What a server makes of one that nobody knows, nobody can tell. */
const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"]);

export function mayBeModelPath(path: string): boolean {
  return ANYWHERE.test(path);
}

export function mayRunModel(method: string): boolean {
  return !READING.has(method);
}

export function modelPath(path: string): string {
  if (!UNUSUAL.test(path)) return path;
  const plain = spelt(path);
  if (mayBeModelPath(plain)) return plain;
  const lenient = spelt(lenientlyRead(plain));
  return mayBeModelPath(lenient) ? lenient : plain;
}

function spelt(path: string): string {
  return path
    .replaceAll(ENCODED, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)))
    .replaceAll(/\/{2,}/g, "/")
    .replace(/(.)\/$/, "$1")
    .replace(IN_ANY_CASE, (end) => end.toLowerCase());
}

/** Slashes that were encoded, parameters of a segment, dots that only show then, blanks at the end. */
function lenientlyRead(path: string): string {
  let read = path;
  for (let round = 0; round < ROUNDS && read.includes("%"); round++) {
    read = read.replaceAll(/%(?:2[05f]|5c|3[ab]|09|0[ad])/gi, (code) => decodeURIComponent(code));
    read = read.replaceAll(ENCODED, (code) => decodeURIComponent(code));
  }
  const bare = read
    .replaceAll("\\", "/")
    .replaceAll(/;[^/]*/g, "")
    .trim();
  const url = URL.parse(`http://host/${bare.replaceAll("?", "%3F")}`);
  return url?.pathname ?? bare;
}
