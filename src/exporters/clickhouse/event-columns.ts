/** The columns of `event_log` (src/storage/migrations/0006-events.sql) and where each comes from. */
import { attributeText } from "../../pdata/attribute-text.ts";
import type { LogRecord } from "../../pdata/log-record.ts";
import { type NativeColumn, nativeColumn } from "../../pipeline/native/native-block.ts";
import { ATTRIBUTES, nativeAttributes, nativeSharedMap } from "../../pipeline/native/native-maps.ts";
import {
  nativeBool,
  nativeDateTime64Milli,
  nativeDateTime64Nano,
  nativeLowCardinality,
  nativeString,
  nativeUInt64,
} from "../../pipeline/native/native-types.ts";

/** A log record and when its batch was received. */
export interface EventRow {
  readonly record: LogRecord;
  readonly receivedUnixMs: number;
}

/** The highest number that the data model knows: FATAL4. */
const SEVERITY_MAX = 24;
const NANOS_A_MS = 1_000_000n;

const text = (name: string, read: (record: LogRecord) => string): NativeColumn<EventRow> =>
  nativeColumn(name, nativeString, (row) => read(row.record));
const word = (name: string, read: (record: LogRecord) => string): NativeColumn<EventRow> =>
  nativeColumn(name, nativeLowCardinality, (row) => read(row.record));

export const EVENT_COLUMNS: readonly NativeColumn<EventRow>[] = [
  text("id", (record) => record.facts.identity.toString("hex")),
  nativeColumn("time", nativeDateTime64Nano, timeOf),
  nativeColumn("observed_time", nativeDateTime64Nano, (row) => row.record.observedUnixNano || receivedUnixNano(row)),
  text("trace_id", (record) => record.traceId),
  text("span_id", (record) => record.spanId),
  nativeColumn("severity_number", nativeUInt64, ({ record }) =>
    record.severityNumber > SEVERITY_MAX ? 0 : record.severityNumber,
  ),
  word("severity_text", (record) => record.severityText),
  word("event_name", (record) => record.eventName),
  text("body", (record) => attributeText(record.body)),
  word("service", (record) => attributeText(record.resource.attributes.get("service.name") ?? "")),
  word("scope", (record) => record.scope.name),
  word("agent", (record) => record.facts.agent),
  nativeColumn("agent_verified", nativeBool, (row) => row.record.facts.agentVerified),
  text("session", (record) => record.facts.session),
  nativeColumn("attributes", nativeAttributes, (row) => row.record.attributes),
  nativeColumn("resource_attributes", nativeSharedMap(ATTRIBUTES), (row) => row.record.resource.attributes),
  nativeColumn("received_at", nativeDateTime64Milli, (row) => row.receivedUnixMs),
];

/** When it happened, else when it was first seen, else now: https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-timestamp */
function timeOf(row: EventRow): bigint {
  return row.record.timeUnixNano || row.record.observedUnixNano || receivedUnixNano(row);
}

function receivedUnixNano(row: EventRow): bigint {
  return BigInt(row.receivedUnixMs) * NANOS_A_MS;
}
