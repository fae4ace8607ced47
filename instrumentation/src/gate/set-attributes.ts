import type { Attributes, AttributeValue, Span } from "@opentelemetry/api";
import { GateSpan } from "../telemetry/gate-span.ts";

/**
 * Sets many attributes at once. Into a span of the app's own SDK (a client that is only guarded) right where it shows them: its bound of
 * attributes a span must not cost a record what it says. `undefined` is left out.
 */
export function setAttributes(span: Span, attributes: Attributes): void {
  if (span instanceof GateSpan) {
    span.setAttributes(attributes);
    return;
  }
  const { attributes: own } = span as { readonly attributes?: Attributes };
  if (own === undefined || !span.isRecording()) {
    span.setAttributes(attributes);
    return;
  }
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) own[key] = value;
  }
}

/** One of them. */
export function setAttribute(span: Span, key: string, value: AttributeValue): void {
  if (span instanceof GateSpan) span.setAttribute(key, value);
  else if (value !== undefined) setAttributes(span, { [key]: value });
}
