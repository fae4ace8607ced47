/** Reads and decompresses a request body within bounds: a gzip bomb stops at the limit, not at the end of memory. */
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";

export type Body =
  | { readonly kind: "body"; readonly bytes: Buffer }
  | { readonly kind: "refused"; readonly status: 400 | 413 | 415; readonly reason: string }
  /** The client went away before the end: nobody is there to answer. */
  | { readonly kind: "aborted" };

const decompressors = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

/** @param bytesMax bound of the body, before and after decompression. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Body> {
  const encoding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding !== "identity" && encoding !== "gzip" && encoding !== "deflate") {
    return { kind: "refused", status: 415, reason: "content-encoding must be gzip, deflate or identity" };
  }
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return tooLarge(bytesMax);
  const raw = await readRaw(request, bytesMax);
  if (raw.kind !== "body" || encoding === "identity") return raw;
  try {
    // It stops at the limit: what is beyond is never unpacked.
    const bytes = await decompressors[encoding](raw.bytes, { maxOutputLength: bytesMax });
    return { kind: "body", bytes };
  } catch (error) {
    const isTooLarge = error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return isTooLarge ? tooLarge(bytesMax) : { kind: "refused", status: 400, reason: `body is not valid ${encoding}` };
  }
}

async function readRaw(request: IncomingMessage, bytesMax: number): Promise<Body> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytesMax) return tooLarge(bytesMax);
      chunks.push(chunk);
    }
  } catch {
    return { kind: "aborted" };
  }
  return { kind: "body", bytes: Buffer.concat(chunks, length) };
}

function tooLarge(bytesMax: number): Body {
  return { kind: "refused", status: 413, reason: `body is larger than ${bytesMax} bytes` };
}
