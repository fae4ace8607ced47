/**
 * The SQL behind the "LLM cost" dashboard. Sums read the roll-up (`spend_by_minute`), which outlives the spans; only what
 * a roll-up can't know (percentiles, single traces, denials) reads spans. Every query is bounded by the time range and,
 * where it lists things, by a LIMIT. `$__conditionalAll` drops a filter when its variable stands on "All".
 */
const SELECTED = [
  "$__conditionalAll(agent IN (${agent:singlequote}), $agent)",
  "$__conditionalAll(model IN (${model:singlequote}), $model)",
  "$__conditionalAll(team IN (${team:singlequote}), $team)",
].join("\n  AND ");

const ROLL_UP = `FROM spend_by_minute
WHERE $__timeFilter(minute)
  AND ${SELECTED}`;

const CALLS = `FROM llm_calls
WHERE $__timeFilter(start)
  AND ${SELECTED}`;

export const TOTALS = {
  spend: `SELECT sum(cost_usd) AS spend ${ROLL_UP}`,
  calls: `SELECT sum(calls) AS calls ${ROLL_UP}`,
  costPerCall: `SELECT if(sum(calls) = 0, 0, toFloat64(sum(cost_usd)) / sum(calls)) AS cost_per_call ${ROLL_UP}`,
  unpriced: `SELECT sum(unpriced_calls) AS unpriced ${ROLL_UP}`,
  denied: `SELECT count() AS denied FROM spans WHERE $__timeFilter(start) AND decision IN ('deny', 'forbid')`,
} as const;

/** Cost over time, one series a value of `label`. */
export function costOverTime(label: "agent" | "team" | "model"): string {
  return `SELECT $__timeInterval(minute) AS time, ${label}, sum(cost_usd) AS cost
${ROLL_UP}
GROUP BY time, ${label}
ORDER BY time`;
}

export const TOKENS_OVER_TIME = `SELECT $__timeInterval(minute) AS time, sum(input_tokens) AS input, sum(output_tokens) AS output
${ROLL_UP}
GROUP BY time
ORDER BY time`;

export const LATENCY_OVER_TIME = `SELECT $__timeInterval(start) AS time, model, quantile(0.95)(duration_ns / 1e6) AS p95_ms
${CALLS}
GROUP BY time, model
ORDER BY time`;

export const WHO_SPENDS = `SELECT team, agent, model, sum(calls) AS calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
  sum(cost_usd) AS cost, sum(unpriced_calls) AS unpriced_calls
${ROLL_UP}
GROUP BY team, agent, model
ORDER BY cost DESC
LIMIT 50`;

export const DEAREST_TRACES = `SELECT trace_id, min(start) AS started, any(agent) AS made_by, count() AS calls, sum(cost_usd) AS cost
${CALLS}
GROUP BY trace_id
ORDER BY cost DESC
LIMIT 20`;

export const DENIALS = `SELECT start, agent, if(tool != '', tool, model) AS what, decision, if(budget != '', budget, policy) AS refused_by, decision_reason AS reason, trace_id
FROM spans
WHERE $__timeFilter(start) AND decision IN ('deny', 'forbid')
  AND $__conditionalAll(agent IN (\${agent:singlequote}), $agent)
ORDER BY start DESC
LIMIT 50`;

export const BUDGETS = `SELECT name, scope, measure, mode, state, limit_usd, settled_usd, reserved_usd, remaining_usd,
  if(limit_value = 0, 0, toFloat64(settled) / limit_value) AS used, window_start
FROM budgets_now
ORDER BY used DESC
LIMIT 100`;

/** Values of a variable: what was seen in the chosen range, bounded. */
export function valuesOf(label: "agent" | "team" | "model"): string {
  return `SELECT DISTINCT ${label} FROM spend_by_minute WHERE $__timeFilter(minute) AND ${label} != '' ORDER BY ${label} LIMIT 1000`;
}
