/**
 * ExportLogsServiceRequest from log records, in protobuf and JSON: as `encode-traces.ts` for spans.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto
 */
import { ProtobufWriter } from "@tollgate/instrumentation/protobuf";
import type { LogRecord } from "../log-record.ts";
import {
  writeAttributes,
  writeCount,
  writeId,
  writeResource,
  writeScope,
  writeText,
  writeTime,
  writeValue,
} from "./encode-attributes.ts";
import { attributesJson, resourceJson, scopeJson, valueJson, wellFormed } from "./encode-json-traces.ts";
import { groupByScope } from "./group.ts";
import { bytesField, fixed32Field } from "./protobuf-attributes.ts";

/** The body of `POST /v1/logs` with `application/x-protobuf`, and the message of `LogsService/Export`. */
export function encodeProtobufLogs(records: readonly LogRecord[]): Buffer {
  const writer = new ProtobufWriter();
  for (const [resource, scopes] of groupByScope(records)) {
    const resourceLogs = writer.open(bytesField(1));
    writeResource(writer, resource);
    for (const [scope, members] of scopes) {
      const scopeLogs = writer.open(bytesField(2));
      writeScope(writer, scope);
      for (const record of members) writeRecord(writer, record);
      writer.close(scopeLogs);
    }
    writer.close(resourceLogs);
  }
  return writer.finish();
}

function writeRecord(writer: ProtobufWriter, record: LogRecord): void {
  const start = writer.open(bytesField(2));
  writeTime(writer, { field: 1, unixNano: record.timeUnixNano });
  writeTime(writer, { field: 11, unixNano: record.observedUnixNano });
  writeCount(writer, { field: 2, count: record.severityNumber });
  writeText(writer, { field: 3, text: record.severityText });
  if (record.body !== null) writeValue(writer, { field: 5, value: record.body });
  writeAttributes(writer, { field: 6, attributes: record.attributes });
  writeCount(writer, { field: 7, count: record.droppedAttributesCount });
  if (record.flags !== 0) {
    writer.tag(fixed32Field(8));
    writer.fixed32(record.flags);
  }
  writeId(writer, { field: 9, hex: record.traceId });
  writeId(writer, { field: 10, hex: record.spanId });
  writeText(writer, { field: 12, text: record.eventName });
  writer.close(start);
}

/** The body of `POST /v1/logs` with `application/json`. */
export function encodeJsonLogs(records: readonly LogRecord[]): Buffer {
  const resourceLogs = Array.from(groupByScope(records), ([resource, scopes]) => ({
    resource: resourceJson(resource),
    scopeLogs: Array.from(scopes, ([scope, members]) => ({
      scope: scopeJson(scope),
      logRecords: members.map(recordJson),
    })),
  }));
  return Buffer.from(wellFormed(JSON.stringify({ resourceLogs })));
}

function recordJson(record: LogRecord): object {
  const { timeUnixNano, observedUnixNano, severityNumber, severityText, body, flags, traceId, spanId, eventName } =
    record;
  return {
    timeUnixNano: timeUnixNano.toString(),
    observedTimeUnixNano: observedUnixNano.toString(),
    severityNumber,
    ...(severityText === "" ? {} : { severityText }),
    ...(eventName === "" ? {} : { eventName }),
    ...(body === null ? {} : { body: valueJson(body) }),
    attributes: attributesJson(record.attributes),
    ...(record.droppedAttributesCount === 0 ? {} : { droppedAttributesCount: record.droppedAttributesCount }),
    ...(flags === 0 ? {} : { flags }),
    ...(traceId === "" ? {} : { traceId }),
    ...(spanId === "" ? {} : { spanId }),
  };
}
