/**
 * Export requests that cost next to nothing to make: encoded once, then the ids and times of their spans are written over
 * where they stand in the bytes. So one core can send more than the processor takes, and no span is ever sent twice.
 */
import { genaiRequests } from "./genai-requests.ts";

export type Encoding = "protobuf" | "json";

/** One request; its bytes change with each `stamp`. */
export interface StampedRequest {
  readonly bytes: Buffer;
  readonly spanCount: number;
  /** Gives all spans ids that no other `sequence` has, and lets them end at `endUnixMs`. */
  stamp(sequence: bigint, endUnixMs: number): void;
}

export interface StampedOptions {
  readonly encoding: Encoding;
  readonly requests: number;
  readonly spansPerRequest: number;
  readonly seed: number;
}

/** Where the changing parts of a span are, and how long it took. */
interface Place {
  /** The second half of the trace id; the first half keeps the traces of one request apart. */
  readonly traceId: number;
  readonly start: number;
  readonly end: number;
  readonly durationNanos: bigint;
}

interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
      }[];
    }[];
  }[];
}

export function stampedRequests(options: StampedOptions): readonly StampedRequest[] {
  return genaiRequests(options).map(({ protobuf, json, spanCount }) => {
    const bytes = options.encoding === "json" ? json : protobuf;
    const write = options.encoding === "json" ? JSON_WRITER : PROTOBUF_WRITER;
    const places = placesOf(JSON.parse(json.toString()) as JsonRequest, bytes, write);
    return {
      bytes,
      spanCount,
      stamp(sequence, endUnixMs) {
        const end = BigInt(Math.floor(endUnixMs)) * 1_000_000n;
        for (const place of places) {
          write.id(bytes, sequence, place.traceId);
          write.time(bytes, end - place.durationNanos, place.start);
          write.time(bytes, end, place.end);
        }
      },
    };
  });
}

interface Writer {
  /** As they stand in the bytes. */
  readonly idBytes: (hex: string) => Buffer;
  readonly timeBytes: (unixNano: bigint) => Buffer;
  readonly id: (bytes: Buffer, value: bigint, at: number) => void;
  readonly time: (bytes: Buffer, unixNano: bigint, at: number) => void;
}

const PROTOBUF_WRITER: Writer = {
  idBytes: (hex) => Buffer.from(hex, "hex"),
  timeBytes: (unixNano) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(unixNano);
    return bytes;
  },
  id: (bytes, value, at) => void bytes.writeBigUInt64BE(value, at),
  time: (bytes, unixNano, at) => void bytes.writeBigUInt64LE(unixNano, at),
};

const JSON_WRITER: Writer = {
  idBytes: (hex) => Buffer.from(hex, "latin1"),
  timeBytes: (unixNano) => Buffer.from(String(unixNano), "latin1"),
  id: (bytes, value, at) => void bytes.write(value.toString(16).padStart(16, "0"), at, "latin1"),
  time: (bytes, unixNano, at) => void bytes.write(String(unixNano), at, "latin1"),
};

function placesOf(request: JsonRequest, bytes: Buffer, { idBytes, timeBytes }: Writer): readonly Place[] {
  const spans = request.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  let at = 0;
  const find = (wanted: Buffer): number => {
    at = bytes.indexOf(wanted, at);
    if (at < 0) throw new Error("a span's field is not where it should be");
    return at;
  };
  return spans.map(({ traceId, startTimeUnixNano, endTimeUnixNano }) => {
    const id = idBytes(traceId);
    const start = BigInt(startTimeUnixNano);
    const end = BigInt(endTimeUnixNano);
    const traceIdAt = find(id) + id.length / 2;
    at += id.length;
    const startAt = find(timeBytes(start));
    at += timeBytes(start).length;
    return { traceId: traceIdAt, start: startAt, end: find(timeBytes(end)), durationNanos: end - start };
  });
}
