import { ATTR_GEN_AI_AGENT_NAME, ATTR_SERVICE_NAME, ATTR_TOLLGATE_AGENT_NAME } from "@tollgate/instrumentation/semconv";
import { FirstText } from "./first-text.ts";
import type { Span } from "./span.ts";

/** The agent of what names none. */
export const UNKNOWN_AGENT = "unknown";
const ours = new FirstText([ATTR_TOLLGATE_AGENT_NAME]);
const conventions = new FirstText([ATTR_GEN_AI_AGENT_NAME]);
const service = new FirstText([ATTR_SERVICE_NAME]);

/** The agent that a span or a log record says it is of: by Tollgate's name, by the conventions', by its service's. */
export function claimedAgent(item: Pick<Span, "attributes" | "resource">): string {
  return ours.of(item) || conventions.of(item) || service.of(item) || UNKNOWN_AGENT;
}
