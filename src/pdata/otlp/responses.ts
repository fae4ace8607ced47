/**
 * What an OTLP server answers: Export…ServiceResponse and google.rpc.Status, in protobuf and in JSON.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
 */
import type { RejectedSpans } from "./decoded.ts";

export type OtlpEncoding = "protobuf" | "json";

/** google.rpc.Code of the answers that this server gives. */
export const RpcCode = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** When to send again, as a google.rpc.RetryInfo detail; in protobuf only, HTTP has a header for it. */
  readonly retryDelayMs?: number | undefined;
  /** The message says what is wrong with the data: it is told as a google.rpc.BadRequest detail, too. */
  readonly isBadRequest?: boolean;
}

export interface ExportResponse {
  readonly rejected: readonly RejectedSpans[];
  /** How the signal calls their number in JSON: `rejectedSpans`. In protobuf it is field 1 for all. */
  readonly rejectedKey: string;
  readonly encoding: OtlpEncoding;
}

/** The body of a 200: empty when all went well, with `partialSuccess` when something was rejected. */
export function encodeResponse({ rejected, rejectedKey, encoding }: ExportResponse): Buffer {
  const count = rejected.reduce((sum, item) => sum + item.count, 0);
  const message = rejected.map((item) => `${item.count} rejected: ${item.reason}`).join("; ");
  if (encoding === "json") {
    const body = count === 0 ? {} : { partialSuccess: { [rejectedKey]: String(count), errorMessage: message } };
    return Buffer.from(JSON.stringify(body));
  }
  if (count === 0) return Buffer.alloc(0);
  return lengthDelimited(1, Buffer.concat([varintField(1, count), lengthDelimited(2, Buffer.from(message))]));
}

/**
 * The body of an error answer, and `grpc-status-details-bin`. Field 1 of google.rpc.Status is the code, field 2 the
 * message, field 3 the details. https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto
 */
export function encodeStatus(status: RpcStatus, encoding: OtlpEncoding): Buffer {
  const { code, message, retryDelayMs, isBadRequest = false } = status;
  if (encoding === "json") {
    const details = [{ "@type": BAD_REQUEST_TYPE, fieldViolations: [{ description: message }] }];
    return Buffer.from(JSON.stringify({ code, message, ...(isBadRequest ? { details } : {}) }));
  }
  return Buffer.concat([
    varintField(1, code),
    lengthDelimited(2, Buffer.from(message)),
    ...(retryDelayMs === undefined ? [] : [lengthDelimited(3, retryInfo(retryDelayMs))]),
    ...(isBadRequest ? [lengthDelimited(3, badRequest(message))] : []),
  ]);
}

const BAD_REQUEST_TYPE = "type.googleapis.com/google.rpc.BadRequest";

/** BadRequest in a google.protobuf.Any; its field 1 is a FieldViolation, of which field 2 is the description. */
function badRequest(description: string): Buffer {
  const violation = lengthDelimited(2, Buffer.from(description));
  return Buffer.concat([
    lengthDelimited(1, Buffer.from(BAD_REQUEST_TYPE)),
    lengthDelimited(2, lengthDelimited(1, violation)),
  ]);
}

/** RetryInfo in a google.protobuf.Any (1 type, 2 value); its field 1 is a Duration (1 seconds, 2 nanoseconds). */
function retryInfo(delayMs: number): Buffer {
  const whole = Math.max(0, Math.round(delayMs));
  const duration = Buffer.concat([
    varintField(1, Math.floor(whole / 1_000)),
    varintField(2, (whole % 1_000) * 1_000_000),
  ]);
  const type = Buffer.from("type.googleapis.com/google.rpc.RetryInfo");
  return Buffer.concat([lengthDelimited(1, type), lengthDelimited(2, lengthDelimited(1, duration))]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.from([...varint(field << 3), ...varint(value)]);
}

function lengthDelimited(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(bytes.length)]), bytes]);
}

/** `value` below 2^53. */
function varint(value: number): number[] {
  const groups: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    groups.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  groups.push(rest);
  return groups;
}
