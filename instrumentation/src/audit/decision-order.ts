/**
 * The order in which this process made its decisions: each call is counted when it is first let through or refused, long before
 * its span ends and is chained. A number that never comes belongs to a call that was still open when the process ended.
 */
import type { Span } from "@opentelemetry/api";
import { setAttribute } from "../gate/set-attributes.ts";
import { ATTR_TOLLGATE_AUDIT_DECISION } from "../semconv.ts";

let made = 0;
/** On a span whose decision has its number. */
const COUNTED = Symbol("tollgate.counted");

/** Counts the first decision on a call; further ones of the same call (a retry, an approval) keep its place. */
export function countDecision(span: Span): void {
  const counted = span as Span & { [COUNTED]?: true };
  if (counted[COUNTED] === true) return;
  counted[COUNTED] = true;
  made += 1;
  setAttribute(span, ATTR_TOLLGATE_AUDIT_DECISION, made);
}

export function decisionsMade(): number {
  return made;
}
