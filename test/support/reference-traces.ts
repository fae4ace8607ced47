/**
 * ExportTraceServiceRequest read by protobufjs from OTLP's own definition (opentelemetry-proto 1.11.0, the fields that
 * traces use), as plain spans: a second opinion that shares no code with src/pdata/otlp.
 */
import protobuf from "protobufjs";

const DEFINITION = `
syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; fixed32 flags = 16;
  string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10;
  repeated Event events = 11; uint32 dropped_events_count = 12;
  repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15;
}
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
message Link {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4;
  uint32 dropped_attributes_count = 5; fixed32 flags = 6;
}
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value {
    string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
  }
}
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
`;

const Request = protobuf.parse(DEFINITION, { keepCase: true }).root.lookupType("Request");

type Message = Readonly<Record<string, unknown>>;

/** Spans in the order of the message, in the shape of `plainSpan`. Throws for what is no such message. */
export function referenceSpans(bytes: Uint8Array): object[] {
  const decoded = Request.toObject(Request.decode(bytes), { longs: String, defaults: true, oneofs: true });
  return list(decoded["resource_spans"]).flatMap((resourceSpans) =>
    list(resourceSpans["scope_spans"]).flatMap((scopeSpans) =>
      list(scopeSpans["spans"]).map((span) => plain(span, resourceSpans["resource"], scopeSpans["scope"])),
    ),
  );
}

function plain(span: Message, resource: unknown, scope: unknown): object {
  const { name, version, attributes } = scope as Message;
  const status = (span["status"] ?? {}) as Message;
  return {
    resource: attributesOf((resource as Message)["attributes"]),
    scope: { name, version, attributes: attributesOf(attributes) },
    traceId: hex(span["trace_id"]),
    spanId: hex(span["span_id"]),
    parentSpanId: hex(span["parent_span_id"]),
    traceState: span["trace_state"],
    flags: span["flags"],
    name: span["name"],
    kind: span["kind"],
    startUnixNano: BigInt(String(span["start_time_unix_nano"])),
    endUnixNano: BigInt(String(span["end_time_unix_nano"])),
    statusCode: status["code"] ?? 0,
    statusMessage: status["message"] ?? "",
    attributes: attributesOf(span["attributes"]),
    events: list(span["events"]).map((event) => ({
      timeUnixNano: BigInt(String(event["time_unix_nano"])),
      name: event["name"],
      attributes: attributesOf(event["attributes"]),
    })),
    links: list(span["links"]).map((link) => ({
      traceId: hex(link["trace_id"]),
      spanId: hex(link["span_id"]),
      traceState: link["trace_state"],
      attributes: attributesOf(link["attributes"]),
    })),
    droppedAttributesCount: span["dropped_attributes_count"],
  };
}

function attributesOf(attributes: unknown): Map<string, unknown> {
  return new Map(list(attributes).map(({ key, value }) => [String(key), valueOf(value as Message)]));
}

function valueOf(any: Message): unknown {
  switch (any["value"]) {
    case "int_value":
      return BigInt(String(any["int_value"]));
    case "bytes_value":
      return Uint8Array.from(any["bytes_value"] as Uint8Array);
    case "array_value":
      return list((any["array_value"] as Message)["values"]).map(valueOf);
    case "kvlist_value": {
      const object = Object.create(null) as Record<string, unknown>;
      for (const { key, value } of list((any["kvlist_value"] as Message)["values"])) {
        object[String(key)] = valueOf(value as Message);
      }
      return object;
    }
    case undefined:
      return null;
    default:
      return any[String(any["value"])];
  }
}

function list(value: unknown): readonly Message[] {
  return (value ?? []) as readonly Message[];
}

function hex(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString("hex");
}
