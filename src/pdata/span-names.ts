import {
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_WORKFLOW_NAME,
  ATTR_SESSION_ID,
  ATTR_TOLLGATE_SESSION_ID,
  ATTR_TOLLGATE_WORKFLOW_ID,
  ATTR_USER_ID,
} from "@tollgate/instrumentation/semconv";
import { firstText } from "./attribute-read.ts";
import type { Span } from "./span.ts";

const SESSION_KEYS = [ATTR_TOLLGATE_SESSION_ID, ATTR_SESSION_ID, ATTR_GEN_AI_CONVERSATION_ID] as const;
const WORKFLOW_KEYS = [ATTR_TOLLGATE_WORKFLOW_ID, ATTR_GEN_AI_WORKFLOW_NAME] as const;
const USER_KEYS = [ATTR_USER_ID, "enduser.id"] as const;

/** Fills session, workflow and user from the attributes that say them. */
export function readNames(span: Span): void {
  const { facts } = span;
  facts.session = firstText(span, SESSION_KEYS);
  facts.workflow = firstText(span, WORKFLOW_KEYS);
  facts.user = firstText(span, USER_KEYS);
}
