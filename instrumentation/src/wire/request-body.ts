/** Bodies of requests as bytes. Pure but for reading them. */

/** A larger body is not read: no prompt is that long. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** Reads a stream to its end, as it has to be sent in one piece then. Throws what the stream throws. */
export async function collect(stream: AsyncIterable<unknown> | Iterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : toBytes(chunk));
  return Buffer.concat(chunks);
}

/** `undefined`: its text can't be told (forms), or there is too much of it. */
export function textOf(body: unknown): string | Uint8Array | undefined | Promise<Uint8Array> {
  if (isBlob(body)) return body.size > BODY_BYTES_MAX ? undefined : body.arrayBuffer().then((bytes) => toBytes(bytes));
  if (typeof body === "string") return body.length > BODY_BYTES_MAX ? undefined : body;
  if (!(body instanceof ArrayBuffer) && !ArrayBuffer.isView(body)) return undefined;
  const bytes = toBytes(body);
  return bytes.length > BODY_BYTES_MAX ? undefined : bytes;
}

/** Of any copy of the class. */
function isBlob(body: unknown): body is Blob {
  return typeof body === "object" && body !== null && "arrayBuffer" in body && "size" in body && "type" in body;
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(String(chunk));
}
