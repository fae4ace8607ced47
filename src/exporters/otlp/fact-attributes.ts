import { formatUsd, nanoUsd } from "@tollgate/instrumentation/pricing";
import * as semconv from "@tollgate/instrumentation/semconv";
import type { KeyValue } from "../../pdata/otlp/encode-attributes.ts";
import type { AttributeValue, Span } from "../../pdata/span.ts";

/**
 * What the processors found out about a span, as attributes for a backend that has no columns for it. What the span says
 * itself is not repeated, nor contradicted.
 */
export function factAttributes({ facts, attributes }: Span): readonly KeyValue[] {
  const hasCost = facts.costStatus !== "";
  const cost = facts.costNanoUsd;
  const all: readonly (readonly [string, AttributeValue])[] = [
    [semconv.ATTR_TOLLGATE_AGENT_NAME, facts.agent],
    [semconv.ATTR_TOLLGATE_AGENT_OWNER, facts.owner],
    [semconv.ATTR_TOLLGATE_AGENT_TEAM, facts.team],
    [semconv.ATTR_TOLLGATE_AGENT_ROLE, facts.role],
    [semconv.ATTR_TOLLGATE_SESSION_ID, facts.session],
    [semconv.ATTR_TOLLGATE_WORKFLOW_ID, facts.workflow],
    [semconv.ATTR_TOLLGATE_COST_STATUS, facts.costStatus],
    [semconv.ATTR_TOLLGATE_COST_USD, hasCost ? formatUsd(nanoUsd(cost)) : ""],
    [semconv.ATTR_TOLLGATE_COST_NANO_USD, hasCost ? cost : ""],
    [semconv.ATTR_TOLLGATE_COST_PRICE_VERSION, facts.priceVersion],
    [semconv.ATTR_TOLLGATE_DECISION, facts.decision],
    [semconv.ATTR_TOLLGATE_DECISION_RULE, facts.decisionRule],
    [semconv.ATTR_TOLLGATE_DECISION_REASON, facts.decisionReason],
    [semconv.ATTR_TOLLGATE_POLICY_NAME, facts.policy],
    [semconv.ATTR_TOLLGATE_BUDGET_NAME, facts.budget],
    [semconv.ATTR_TOLLGATE_DATA_LABEL, facts.dataLabel],
  ];
  return all.filter(([key, value]) => value !== "" && !attributes.has(key));
}
