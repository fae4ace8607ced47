import { textAttribute } from "../attribute-read.ts";
import type { LogRecord } from "../log-record.ts";
import type { RejectedSpans } from "./decoded.ts";

/** What became of an ExportLogsServiceRequest: as for spans, a broken message is refused whole and a wrong record alone. */
export type DecodedLogs =
  | { readonly kind: "decoded"; readonly records: readonly LogRecord[]; readonly rejected: readonly RejectedSpans[] }
  | { readonly kind: "malformed"; readonly reason: string };

const TIME_MAX = 9_223_372_036_854_775_807n;
const NO_ID = /^0*$/;
/** Where senders of before OTLP 1.5 put the name of an event. */
const EVENT_NAME_KEY = "event.name";

/** Why a record can't be taken, or `undefined`. */
export function recordFault(record: Pick<LogRecord, "timeUnixNano" | "observedUnixNano">): string | undefined {
  if (record.timeUnixNano > TIME_MAX || record.observedUnixNano > TIME_MAX) return "time is out of range";
  return undefined;
}

/**
 * An id of `digits` hex digits, or "": a record whose id is missing, all zero or of another length belongs to no trace, and
 * is not wrong for it. https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto
 */
export function optionalId(hex: string, digits: 32 | 16): string {
  return hex.length === digits && !NO_ID.test(hex) ? hex : "";
}

/** The name in its field, else in the attribute. */
export function eventNameOf(field: string, attributes: LogRecord["attributes"]): string {
  return field === "" ? textAttribute(attributes, EVENT_NAME_KEY) : field;
}
