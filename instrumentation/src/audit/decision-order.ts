/**
 * The order in which this process made its decisions: each call is counted when it is first let through or refused, long before
 * its span ends and is chained. A number that never comes belongs to a call that was still open when the process ended.
 */
import type { Span } from "@opentelemetry/api";
import { ATTR_TOLLGATE_AUDIT_DECISION } from "../semconv.ts";

let made = 0;
const counted = new WeakSet<Span>();

/** Counts the first decision on a call; further ones of the same call (a retry, an approval) keep its place. */
export function countDecision(span: Span): void {
  if (counted.has(span)) return;
  counted.add(span);
  made += 1;
  span.setAttribute(ATTR_TOLLGATE_AUDIT_DECISION, made);
}

export function decisionsMade(): number {
  return made;
}
