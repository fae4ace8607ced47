import { Operation } from "@tollgate/instrumentation/semconv";
import type { Verdict } from "../../component/span-processor.ts";
import { isAuditRecord } from "../../pdata/audit-record.ts";
import { type Span, StatusCode } from "../../pdata/span.ts";
import { ConditionSet, type OnConditionError } from "../../pdata/span-condition-set.ts";
import type { SampleProcessorConfig } from "./config.ts";
import { isKept, type Threshold, thresholdOf } from "./threshold.ts";

const DROPPED: Verdict = { kind: "drop", reason: "sampled" };
const KEPT: Verdict = { kind: "keep", reason: "audit" };

/**
 * Keeps a share of the traces, and of all traces what an audit or a sum stands on: calls, decisions, tools, approvals and (by
 * default) errors. The meter has counted before, and nothing that costs is ever dropped, so no sum changes.
 */
export class Sampler {
  readonly #rules: ConditionSet;
  readonly #thresholds: readonly Threshold[];
  readonly #otherwise: Threshold;
  readonly #keepsErrors: boolean;

  constructor({ rules, ratio, keep_errors: keepsErrors }: SampleProcessorConfig, onError: OnConditionError) {
    this.#rules = new ConditionSet(
      rules.map(({ when }) => when),
      onError,
    );
    this.#thresholds = rules.map((rule) => thresholdOf(rule.ratio));
    this.#otherwise = thresholdOf(ratio);
    this.#keepsErrors = keepsErrors;
  }

  verdict(span: Span): Verdict {
    const rule = this.#rules.firstMet(span);
    if (isKept(span, rule === undefined ? this.#otherwise : this.#thresholds[rule])) return undefined;
    return this.#isNeeded(span) ? KEPT : DROPPED;
  }

  #isNeeded(span: Span): boolean {
    const { facts, statusCode } = span;
    if (isAuditRecord(span) || facts.tool !== "" || facts.operation === Operation.executeTool) return true;
    return this.#keepsErrors && statusCode === StatusCode.error;
  }
}
