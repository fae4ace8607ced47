/**
 * Reads the plain case of an HTTP request from the bytes of a connection: POST of a body with its length. Promise: only what
 * cannot be read in two ways is taken; anything else (other methods, chunks, doubled headers, white space where none belongs)
 * is `other`, and Node's parser reads the same bytes from their beginning. https://www.rfc-editor.org/rfc/rfc9112
 */

/** What stands before the body. */
export interface PlainHead {
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the body begins, and its length. */
  readonly bodyAt: number;
  readonly bodyBytes: number;
}

const HEAD_BYTES_MAX = 16_384;
const HEAD_END = "\r\n\r\n";
const FIRST_BYTE = "P".charCodeAt(0);
const REQUEST_LINE = /^POST (\/[!-~]*) HTTP\/1\.1$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Printable ASCII: what is beyond is the framework's to read. */
const VALUE = /^[\t -~]*$/;
const LENGTH = /^[1-9]\d{0,8}$/;
/** They change where a request ends, or what happens with the connection. */
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "content-encoding",
  "expect",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** `undefined`: not plain, or its head has not come whole. */
export function readPlainHead(bytes: Buffer): PlainHead | undefined {
  if (bytes[0] !== FIRST_BYTE) return undefined;
  const end = bytes.indexOf(HEAD_END, 0, "latin1");
  if (end < 0 || end > HEAD_BYTES_MAX) return undefined;
  const text = bytes.toString("latin1", 0, end);
  const lineEnd = text.indexOf("\r\n");
  const url = REQUEST_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd))?.[1];
  const read = url === undefined || lineEnd < 0 ? undefined : readHeaders(text.slice(lineEnd + 2));
  return url === undefined || read === undefined ? undefined : { url, ...read, bodyAt: end + HEAD_END.length };
}

type ReadHeaders = Pick<PlainHead, "headers" | "bodyBytes">;

/** Headers that were read before, by their text: an agent sends the same ones again and again. None that show who asks. */
const known = new Map<string, ReadHeaders>();
const KNOWN_MAX = 512;
const SECRET = "authorization";

function readHeaders(text: string): ReadHeaders | undefined {
  const before = known.get(text);
  if (before !== undefined) return before;
  const read = parseHeaders(text.split("\r\n"));
  if (read === undefined || SECRET in read.headers) return read;
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(text, read);
  return read;
}

/** `undefined`: not plain. */
function parseHeaders(lines: readonly string[]): ReadHeaders | undefined {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (colon < 1 || !NAME.test(name) || !VALUE.test(value) || headers[name] !== undefined) return undefined;
    if (FRAMING.has(name) && !(name === "connection" && value === "keep-alive")) return undefined;
    headers[name] = value;
  }
  const length = headers["content-length"];
  if (headers["host"] === undefined || length === undefined || !LENGTH.test(length)) return undefined;
  return { headers: Object.freeze(headers), bodyBytes: Number(length) };
}
