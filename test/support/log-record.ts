import { emptyLogFacts, type LogRecord } from "../../src/pdata/log-record.ts";
import type { AttributeValue } from "../../src/pdata/span.ts";

export interface LogRecordFields extends Partial<Omit<LogRecord, "attributes" | "resource">> {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly resource?: Readonly<Record<string, AttributeValue>>;
}

/** A log record of a GenAI event with nothing in it but what is given. */
export function logRecord(fields: LogRecordFields = {}): LogRecord {
  const { attributes = {}, resource = {}, ...rest } = fields;
  return {
    scope: { name: "test", version: "1", attributes: new Map() },
    timeUnixNano: 1_700_000_000_000_000_000n,
    observedUnixNano: 1_700_000_000_000_000_001n,
    severityNumber: 9,
    severityText: "INFO",
    eventName: "",
    body: null,
    droppedAttributesCount: 0,
    flags: 0,
    traceId: "",
    spanId: "",
    facts: emptyLogFacts(),
    ...rest,
    attributes: new Map(Object.entries(attributes)),
    resource: { attributes: new Map(Object.entries(resource)) },
  };
}
