import type { Verdict } from "../../component/span-processor.ts";
import { isAuditRecord } from "../../pdata/audit-record.ts";
import type { Span } from "../../pdata/span.ts";
import { ConditionSet, type OnConditionError } from "../../pdata/span-condition-set.ts";

const DROPPED: Verdict = { kind: "drop", reason: "filtered" };
const KEPT: Verdict = { kind: "keep", reason: "audit" };

/** Which spans nobody wants to store. What costs, was decided or stands in the audit's chain stays, whatever a condition says. */
export class Filter {
  readonly #conditions: ConditionSet;

  constructor(drop: readonly string[], onError: OnConditionError) {
    this.#conditions = new ConditionSet(drop, onError);
  }

  verdict(span: Span): Verdict {
    if (this.#conditions.firstMet(span) === undefined) return undefined;
    return isAuditRecord(span) ? KEPT : DROPPED;
  }
}
