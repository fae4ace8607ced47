/** ExportLogsServiceRequest from OTLP/JSON, with the rules and bounds that traces have. */
import { type LogRecord, emptyLogFacts } from "../log-record.ts";
import type { Resource, Scope } from "../span.ts";
import { MalformedError, RejectionCounter } from "./decoded.ts";
import { type DecodedLogs, eventNameOf, optionalId, recordFault } from "./decoded-logs.ts";
import {
  asCount,
  asId,
  asObject,
  asString,
  asTime,
  listOf,
  parseJson,
  readAttributes,
  readResource,
  readScope,
  readValue,
} from "./json-values.ts";

/** Decodes the body of `POST /v1/logs` with `application/json`. Never throws. */
export function decodeJsonLogs(body: Uint8Array): DecodedLogs {
  const records: LogRecord[] = [];
  const rejected = new RejectionCounter("log records");
  try {
    const request = asObject(parseJson(body), "request");
    for (const item of listOf(request["resourceLogs"], "resourceLogs")) {
      const resourceLogs = asObject(item, "resourceLogs");
      const resource = readResource(resourceLogs["resource"]);
      for (const scopeItem of listOf(resourceLogs["scopeLogs"], "scopeLogs")) {
        const scopeLogs = asObject(scopeItem, "scopeLogs");
        const scope = readScope(scopeLogs["scope"]);
        for (const json of listOf(scopeLogs["logRecords"], "logRecords")) {
          readRecord({ json, resource, scope, records, rejected });
        }
      }
    }
  } catch (error) {
    if (error instanceof MalformedError) return { kind: "malformed", reason: `json: ${error.message}` };
    throw error;
  }
  return { kind: "decoded", records, rejected: rejected.list() };
}

interface RecordTask {
  readonly json: unknown;
  readonly resource: Resource;
  readonly scope: Scope;
  readonly records: LogRecord[];
  readonly rejected: RejectionCounter;
}

/** A field of the wrong type is the fault of its record alone. */
function readRecord(task: RecordTask): void {
  let fault: string | undefined;
  try {
    const record = recordOf(task);
    fault = recordFault(record);
    if (fault === undefined) task.records.push(record);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    fault = error.message;
  }
  if (fault !== undefined) task.rejected.add(fault);
}

function recordOf({ json: item, resource, scope }: RecordTask): LogRecord {
  const json = asObject(item, "log record");
  const { attributes, dropped } = readAttributes(json["attributes"]);
  return {
    resource,
    scope,
    timeUnixNano: asTime(json["timeUnixNano"], "timeUnixNano"),
    observedUnixNano: asTime(json["observedTimeUnixNano"], "observedTimeUnixNano"),
    severityNumber: asCount(json["severityNumber"], "severityNumber"),
    severityText: asString(json["severityText"]),
    eventName: eventNameOf(asString(json["eventName"]), attributes),
    body: readValue(json["body"], 0),
    attributes,
    droppedAttributesCount: asCount(json["droppedAttributesCount"], "droppedAttributesCount") + dropped,
    flags: asCount(json["flags"], "flags"),
    traceId: optionalId(asId(json["traceId"], "traceId"), 32),
    spanId: optionalId(asId(json["spanId"], "spanId"), 16),
    facts: emptyLogFacts(),
  };
}
