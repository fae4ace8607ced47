import { ATTR_GEN_AI_AGENT_NAME, ATTR_SERVICE_NAME, ATTR_TOLLGATE_AGENT_NAME } from "@tollgate/instrumentation/semconv";
import { firstText } from "./attribute-read.ts";
import type { Span } from "./span.ts";

/** The agent of what names none. */
export const UNKNOWN_AGENT = "unknown";
const OURS = [ATTR_TOLLGATE_AGENT_NAME];
const CONVENTIONS = [ATTR_GEN_AI_AGENT_NAME];
const SERVICE = [ATTR_SERVICE_NAME];

/** The agent that a span or a log record says it is of: by Tollgate's name, by the conventions', by its service's. */
export function claimedAgent(item: Pick<Span, "attributes" | "resource">): string {
  return firstText(item, OURS) || firstText(item, CONVENTIONS) || firstText(item, SERVICE) || UNKNOWN_AGENT;
}
