/**
 * What an OTLP server answered, read by a client: Export…ServiceResponse and google.rpc.Status.
 * https://opentelemetry.io/docs/specs/otlp/#partial-success
 */
import { MalformedError, OTLP_LIMITS } from "./decoded.ts";
import { bytesField, varintField } from "./protobuf-attributes.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import type { OtlpEncoding } from "./responses.ts";

/** `rejected: 0` with a message is a warning of the server; all was taken. */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

const ALL_TAKEN: PartialSuccess = { rejected: 0, message: "" };
const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

/** The body of a success. One that can't be read says nothing against the success. */
export function decodeExportResponse(body: Uint8Array, encoding: OtlpEncoding): PartialSuccess {
  try {
    return encoding === "json" ? fromJson(body) : fromProtobuf(body);
  } catch (error) {
    if (error instanceof MalformedError || error instanceof SyntaxError) return ALL_TAKEN;
    throw error;
  }
}

function fromJson(body: Uint8Array): PartialSuccess {
  if (body.length === 0) return ALL_TAKEN;
  const response = JSON.parse(Buffer.from(body).toString("utf8")) as { readonly partialSuccess?: unknown } | null;
  const partial = (response?.partialSuccess ?? {}) as Readonly<Record<string, unknown>>;
  // Each signal has a name of its own for it: rejectedSpans, rejectedLogRecords.
  const rejected = Number(partial["rejectedSpans"] ?? partial["rejectedLogRecords"] ?? 0);
  const message = partial["errorMessage"];
  return { rejected: countOf(rejected), message: typeof message === "string" ? message : "" };
}

function fromProtobuf(body: Uint8Array): PartialSuccess {
  const reader = new ProtobufReader(body);
  let rejected = 0;
  let message = "";
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag !== bytesField(1)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    while (!reader.atEnd) {
      const inner = reader.tag();
      if (inner === varintField(1)) rejected = countOf(Number(reader.int64()));
      else if (inner === bytesField(2)) message = reader.string(OTLP_LIMITS.stringBytesMax);
      else reader.skip(inner);
    }
    reader.leave(outer);
  }
  return { rejected, message };
}

function countOf(value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** The message of a google.rpc.Status, as the body of an error; "" when there is none. */
export function decodeStatusMessage(body: Uint8Array, encoding: OtlpEncoding): string {
  try {
    if (encoding === "json") {
      const message = (JSON.parse(Buffer.from(body).toString("utf8")) as { readonly message?: unknown } | null)
        ?.message;
      return typeof message === "string" ? message : "";
    }
    const reader = new ProtobufReader(body);
    let message = "";
    while (!reader.atEnd) {
      const tag = reader.tag();
      if (tag === bytesField(2)) message = reader.string(OTLP_LIMITS.stringBytesMax);
      else reader.skip(tag);
    }
    return message;
  } catch (error) {
    if (error instanceof MalformedError || error instanceof SyntaxError) return "";
    throw error;
  }
}

/** When a google.rpc.Status (`grpc-status-details-bin`) says to send again, in ms; `undefined` when it does not. */
export function decodeRetryDelay(status: Uint8Array): number | undefined {
  try {
    return retryDelayOf(new ProtobufReader(status));
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function retryDelayOf(reader: ProtobufReader): number | undefined {
  let delayMs: number | undefined;
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(3)) {
      const outer = reader.enter();
      delayMs = readDetail(reader) ?? delayMs;
      reader.leave(outer);
    } else reader.skip(tag);
  }
  return delayMs;
}

/** A google.protobuf.Any: its type comes before its value. */
function readDetail(reader: ProtobufReader): number | undefined {
  let type = "";
  let delayMs: number | undefined;
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) type = reader.string(OTLP_LIMITS.stringBytesMax);
    else if (tag === bytesField(2) && type === RETRY_INFO) {
      const outer = reader.enter();
      delayMs = readRetryInfo(reader);
      reader.leave(outer);
    } else reader.skip(tag);
  }
  return delayMs;
}

/** Its field 1 is a Duration: 1 seconds, 2 nanoseconds. */
function readRetryInfo(reader: ProtobufReader): number {
  let seconds = 0;
  let nanos = 0;
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag !== bytesField(1)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    while (!reader.atEnd) {
      const inner = reader.tag();
      if (inner === varintField(1)) seconds = Number(reader.int64());
      else if (inner === varintField(2)) nanos = Number(reader.int64());
      else reader.skip(inner);
    }
    reader.leave(outer);
  }
  return Math.max(0, Math.ceil(seconds * 1_000 + nanos / 1_000_000));
}
