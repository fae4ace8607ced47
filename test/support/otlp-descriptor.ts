/**
 * The trace messages of opentelemetry-proto 1.11.0 as protobufjs reads them: the decoder and encoder that somebody else
 * wrote, for tests and benchmarks to hold ours against.
 * https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto
 */
import protobuf from "protobufjs";

const field = (id: number, type: string): { id: number; type: string } => ({ id, type });
const list = (id: number, type: string): { id: number; type: string; rule: string } => ({ id, type, rule: "repeated" });

const root = protobuf.Root.fromJSON({
  nested: {
    ExportTraceServiceRequest: { fields: { resourceSpans: list(1, "ResourceSpans") } },
    ResourceSpans: {
      fields: { resource: field(1, "Resource"), scopeSpans: list(2, "ScopeSpans"), schemaUrl: field(3, "string") },
    },
    Resource: { fields: { attributes: list(1, "KeyValue"), droppedAttributesCount: field(2, "uint32") } },
    ScopeSpans: {
      fields: { scope: field(1, "Scope"), spans: list(2, "Span"), schemaUrl: field(3, "string") },
    },
    Scope: {
      fields: {
        name: field(1, "string"),
        version: field(2, "string"),
        attributes: list(3, "KeyValue"),
        droppedAttributesCount: field(4, "uint32"),
      },
    },
    Span: {
      fields: {
        traceId: field(1, "bytes"),
        spanId: field(2, "bytes"),
        traceState: field(3, "string"),
        parentSpanId: field(4, "bytes"),
        name: field(5, "string"),
        kind: field(6, "int32"),
        startTimeUnixNano: field(7, "fixed64"),
        endTimeUnixNano: field(8, "fixed64"),
        attributes: list(9, "KeyValue"),
        droppedAttributesCount: field(10, "uint32"),
        events: list(11, "Event"),
        droppedEventsCount: field(12, "uint32"),
        links: list(13, "Link"),
        droppedLinksCount: field(14, "uint32"),
        status: field(15, "Status"),
        flags: field(16, "fixed32"),
      },
    },
    Event: {
      fields: {
        timeUnixNano: field(1, "fixed64"),
        name: field(2, "string"),
        attributes: list(3, "KeyValue"),
        droppedAttributesCount: field(4, "uint32"),
      },
    },
    Link: {
      fields: {
        traceId: field(1, "bytes"),
        spanId: field(2, "bytes"),
        traceState: field(3, "string"),
        attributes: list(4, "KeyValue"),
        droppedAttributesCount: field(5, "uint32"),
        flags: field(6, "fixed32"),
      },
    },
    Status: { fields: { message: field(2, "string"), code: field(3, "int32") } },
    KeyValue: { fields: { key: field(1, "string"), value: field(2, "AnyValue") } },
    AnyValue: {
      oneofs: {
        value: {
          oneof: ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"],
        },
      },
      fields: {
        stringValue: field(1, "string"),
        boolValue: field(2, "bool"),
        intValue: field(3, "int64"),
        doubleValue: field(4, "double"),
        arrayValue: field(5, "ArrayValue"),
        kvlistValue: field(6, "KeyValueList"),
        bytesValue: field(7, "bytes"),
      },
    },
    ArrayValue: { fields: { values: list(1, "AnyValue") } },
    KeyValueList: { fields: { values: list(1, "KeyValue") } },
  },
});

/** `encode`, `decode` and `toObject` of a whole export request. */
export const ExportTraceServiceRequest = root.lookupType("ExportTraceServiceRequest");
