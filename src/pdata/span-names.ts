import {
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_WORKFLOW_NAME,
  ATTR_SESSION_ID,
  ATTR_TOLLGATE_SESSION_ID,
  ATTR_TOLLGATE_WORKFLOW_ID,
  ATTR_USER_ID,
} from "@tollgate/instrumentation/semconv";
import { FirstText } from "./first-text.ts";
import type { Span } from "./span.ts";

const session = new FirstText([ATTR_TOLLGATE_SESSION_ID, ATTR_SESSION_ID, ATTR_GEN_AI_CONVERSATION_ID]);
const workflow = new FirstText([ATTR_TOLLGATE_WORKFLOW_ID, ATTR_GEN_AI_WORKFLOW_NAME]);
const user = new FirstText([ATTR_USER_ID, "enduser.id"]);

/** Fills session, workflow and user from the attributes that say them. */
export function readNames(span: Span): void {
  const { facts } = span;
  facts.session = session.of(span);
  facts.workflow = workflow.of(span);
  facts.user = user.of(span);
}
