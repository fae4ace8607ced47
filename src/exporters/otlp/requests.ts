/**
 * The requests of one block, as they lie in the spool: each whole and ready to be sent, so that a retry, also after a
 * restart, encodes nothing.
 *
 *     encoding           UInt8: 0 protobuf, 1 JSON
 *     items, bytes       UInt32 LE each
 *     body               an Export…ServiceRequest, not compressed
 */
import type { OtlpEncoding } from "../../pdata/otlp/responses.ts";

export interface OtlpRequest {
  readonly encoding: OtlpEncoding;
  /** Spans or log records. */
  readonly itemCount: number;
  readonly body: Buffer;
}

export interface RequestBounds {
  readonly itemsMax: number;
  readonly bytesMax: number;
}

const HEAD_BYTES = 9;
const ENCODINGS: readonly OtlpEncoding[] = ["protobuf", "json"];

/** Cuts the items into requests within the bounds; one item that is too large by itself goes alone. */
export function makeRequests<Item>(options: {
  readonly items: readonly Item[];
  readonly bounds: RequestBounds;
  readonly encoding: OtlpEncoding;
  readonly encode: (items: readonly Item[]) => Buffer;
}): OtlpRequest[] {
  const { items, bounds, encoding, encode } = options;
  const requests: OtlpRequest[] = [];
  // A stack of what is left, its first part on top: a part that turns out too large is halved.
  const left: (readonly Item[])[] = [];
  for (let end = items.length; end > 0;) {
    const start = Math.floor((end - 1) / bounds.itemsMax) * bounds.itemsMax;
    left.push(items.slice(start, end));
    end = start;
  }
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    const body = encode(part);
    if (body.length <= bounds.bytesMax || part.length === 1) {
      requests.push({ encoding, itemCount: part.length, body });
      continue;
    }
    const middle = Math.ceil(part.length / 2);
    left.push(part.slice(middle), part.slice(0, middle));
  }
  return requests;
}

/** The bytes of a block's payload. */
export function encodeRequests(requests: readonly OtlpRequest[]): Buffer {
  const parts = requests.flatMap(({ encoding, itemCount, body }) => {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt8(ENCODINGS.indexOf(encoding), 0);
    head.writeUInt32LE(itemCount, 1);
    head.writeUInt32LE(body.length, 5);
    return [head, body];
  });
  return Buffer.concat(parts);
}

/** Reads them again; `undefined` for what is no such payload. The bodies are views of it. */
export function decodeRequests(payload: Uint8Array): readonly OtlpRequest[] | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const requests: OtlpRequest[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < HEAD_BYTES) return undefined;
    const encoding = ENCODINGS[bytes.readUInt8(at)];
    const itemCount = bytes.readUInt32LE(at + 1);
    const start = at + HEAD_BYTES;
    const end = start + bytes.readUInt32LE(at + 5);
    if (encoding === undefined || end > bytes.length) return undefined;
    requests.push({ encoding, itemCount, body: bytes.subarray(start, end) });
    at = end;
  }
  return requests;
}
