import type { Attributes, Span } from "@opentelemetry/api";

/**
 * Sets many attributes at once, right into the span where it shows them: the SDK checks and copies each, which for thirty of a call
 * costs more than deciding it, and its bound of attributes a span must not cost a record what it says. `undefined` is left out.
 */
export function setAttributes(span: Span, attributes: Attributes): void {
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
