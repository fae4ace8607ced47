import {
  ATTR_TOLLGATE_APPROVAL_ID,
  ATTR_TOLLGATE_AUDIT_HASH,
  ATTR_TOLLGATE_AUDIT_SEQ,
  INFERENCE_OPERATIONS,
} from "@tollgate/instrumentation/semconv";
import type { Span } from "./span.ts";

/**
 * Whether a span is a record that the audit or a budget stands on: it costs, carries a decision or an approval, was paid by a
 * lease, or is a link of a hash chain. No setting drops such a span.
 */
export function isAuditRecord({ facts, attributes }: Span): boolean {
  return (
    facts.costStatus !== "" ||
    facts.decision !== "" ||
    facts.leaseId !== "" ||
    facts.spend !== undefined ||
    // Before the cost processor, or where it failed.
    INFERENCE_OPERATIONS.has(facts.operation) ||
    attributes.has(ATTR_TOLLGATE_AUDIT_HASH) ||
    attributes.has(ATTR_TOLLGATE_AUDIT_SEQ) ||
    attributes.has(ATTR_TOLLGATE_APPROVAL_ID)
  );
}
