/** ExportLogsServiceRequest from protobuf, with the reader, the bounds and the tolerance that traces have. */
import { type LogRecord, emptyLogFacts } from "../log-record.ts";
import type { Resource, Scope } from "../span.ts";
import { MalformedError, OTLP_LIMITS, RejectionCounter } from "./decoded.ts";
import { type DecodedLogs, eventNameOf, optionalId, recordFault } from "./decoded-logs.ts";
import {
  type Mutable,
  bytesField,
  fixed32Field,
  fixed64Field,
  readAttribute,
  readResource,
  readScope,
  readValue,
  varintField,
} from "./protobuf-attributes.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

const { stringBytesMax } = OTLP_LIMITS;

/** Decodes the body of `POST /v1/logs` with `application/x-protobuf`. Never throws. */
export function decodeProtobufLogs(body: Uint8Array): DecodedLogs {
  const reader = new ProtobufReader(body);
  const records: LogRecord[] = [];
  const rejected = new RejectionCounter("log records");
  try {
    while (!reader.atEnd) {
      const tag = reader.tag();
      if (tag === bytesField(1)) readResourceLogs(reader, records, rejected);
      else reader.skip(tag);
    }
  } catch (error) {
    if (error instanceof MalformedError) return { kind: "malformed", reason: `protobuf: ${error.message}` };
    throw error;
  }
  return { kind: "decoded", records, rejected: rejected.list() };
}

function readResourceLogs(reader: ProtobufReader, records: LogRecord[], rejected: RejectionCounter): void {
  const resource: Resource = { attributes: new Map() };
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) readResource(reader, resource);
    else if (tag === bytesField(2)) readScopeLogs({ reader, resource, records, rejected });
    else reader.skip(tag);
  }
  reader.leave(outer);
}

interface ScopeTask {
  readonly reader: ProtobufReader;
  readonly resource: Resource;
  readonly records: LogRecord[];
  readonly rejected: RejectionCounter;
}

function readScopeLogs({ reader, resource, records, rejected }: ScopeTask): void {
  const scope: Mutable<Scope> = { name: "", version: "", attributes: new Map() };
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) readScope(reader, scope);
    else if (tag === bytesField(2)) {
      const record = readRecord(reader, resource, scope);
      const fault = recordFault(record);
      if (fault === undefined) records.push(record);
      else rejected.add(fault);
    } else reader.skip(tag);
  }
  reader.leave(outer);
}

function readRecord(reader: ProtobufReader, resource: Resource, scope: Scope): LogRecord {
  const record: Mutable<LogRecord> = {
    resource,
    scope,
    timeUnixNano: 0n,
    observedUnixNano: 0n,
    severityNumber: 0,
    severityText: "",
    eventName: "",
    body: null,
    attributes: new Map(),
    droppedAttributesCount: 0,
    flags: 0,
    traceId: "",
    spanId: "",
    facts: emptyLogFacts(),
  };
  let droppedHere = 0;
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(6)) droppedHere += readAttribute(reader, record.attributes);
    else readRecordField(reader, tag, record);
  }
  reader.leave(outer);
  record.droppedAttributesCount += droppedHere;
  record.eventName = eventNameOf(record.eventName, record.attributes);
  return record;
}

function readRecordField(reader: ProtobufReader, tag: number, record: Mutable<LogRecord>): void {
  switch (tag) {
    case fixed64Field(1):
      record.timeUnixNano = reader.fixed64();
      return;
    case varintField(2):
      record.severityNumber = reader.uint32();
      return;
    case bytesField(3):
      record.severityText = reader.string(stringBytesMax);
      return;
    case bytesField(5):
      record.body = readValue(reader, 0);
      return;
    case varintField(7):
      record.droppedAttributesCount = reader.uint32();
      return;
    case fixed32Field(8):
      record.flags = reader.fixed32();
      return;
    case bytesField(9):
      record.traceId = optionalId(reader.hex(), 32);
      return;
    case bytesField(10):
      record.spanId = optionalId(reader.hex(), 16);
      return;
    case fixed64Field(11):
      record.observedUnixNano = reader.fixed64();
      return;
    case bytesField(12):
      record.eventName = reader.string(stringBytesMax);
      return;
    default:
      reader.skip(tag);
  }
}
