import { context, createContextKey } from "@opentelemetry/api";

/** The key that OpenTelemetry's own exporters set (`suppressTracing` of @opentelemetry/core): keys are `Symbol.for`. */
const SUPPRESS_TRACING = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** Runs `work` so that no instrumentation makes spans of what it does. */
export function withoutTracing<T>(work: () => T): T {
  return context.with(context.active().setValue(SUPPRESS_TRACING, true), work);
}

/** Whether what runs here asked for no spans: exporters, ours and others'. */
export function isTracingSuppressed(): boolean {
  return context.active().getValue(SUPPRESS_TRACING) === true;
}
