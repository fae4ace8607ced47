/**
 * The SQL behind the "LLM cost" dashboard. Sums read roll-ups (`spend_by_minute`, `spend_by_hour`), which outlive the spans; only
 * what these can't know (percentiles, single traces, denials) reads spans. Every query is bounded by the time range and,
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

/** The days that lie whole in the range: their sums are kept, by these columns. */
const wholeDay = (time: string): string =>
  `toDate(${time}) >= toDate($__fromTime + 86399, 'UTC') AND toDate(${time}) < toDate($__toTime, 'UTC')`;

/** What was spent in the range, not over time: whole days from their sums, what lies beside them by the minute. */
const SPENT = `FROM (
  SELECT agent, team, model, sum(h.calls) AS calls, sum(h.unpriced_calls) AS unpriced_calls, sum(h.input_tokens) AS input_tokens,
    sum(h.output_tokens) AS output_tokens, reinterpret(sum(h.cost_nano_usd), 'Decimal(18, 9)') AS cost_usd
  FROM spend_by_hour AS h
  WHERE ${wholeDay("hour")}
  AND ${SELECTED}
  GROUP BY agent, team, model
  UNION ALL
  SELECT agent, team, model, calls, unpriced_calls, input_tokens, output_tokens, cost_usd
  ${ROLL_UP}
  AND NOT (${wholeDay("minute")})
)`;

const CALLS = `FROM llm_calls
WHERE $__timeFilter(start)
  AND ${SELECTED}`;

export const TOTALS = {
  spend: `SELECT sum(cost_usd) AS spend ${SPENT}`,
  calls: `SELECT sum(calls) AS calls ${SPENT}`,
  costPerCall: `SELECT if(sum(calls) <= sum(unpriced_calls), 0, toFloat64(sum(cost_usd)) / (sum(calls) - sum(unpriced_calls))) AS cost_per_call ${SPENT}`,
  unpriced: `SELECT sum(unpriced_calls) AS unpriced ${SPENT}`,
  denied: `SELECT count() AS denied FROM refusals WHERE $__timeFilter(start) AND decision IN ('deny', 'forbid')`,
} as const;

/** Nobody tells more lines apart, and hundreds of agents by half hours are half a million points for a browser. */
const SERIES_MAX = 20;
/** Room for as many, and for 0: a time and a place among the dearest are one number then, by which rows are summed up fastest. */
const PLACES = 32;

const IS_BY_HALF_HOURS = "$__interval_s % 1800 = 0";

/**
 * What was spent over time. Points of half hours and more come from half hours, whose sums are kept (migration 0042, which has the
 * time word by word); the first of them is whole then, also where the range cuts it. What is finer comes from the minutes.
 */
const OVER_TIME = `FROM (
    SELECT if(${IS_BY_HALF_HOURS}, toStartOfInterval(minute, toIntervalMinute(30)), minute) AS at,
      agent, team, model, input_tokens, output_tokens, cost_nano_usd
    FROM spend_by_minute
  )
  WHERE at >= if(${IS_BY_HALF_HOURS}, toStartOfInterval($__fromTime, toIntervalMinute(30)), $__fromTime) AND at <= $__toTime
  AND ${SELECTED}`;

/** Cost over time, one series a value of `label`: the dearest ones, and all others as one. */
export function costOverTime(label: "agent" | "team" | "model"): string {
  return `WITH (
  SELECT groupArray(toString(${label}))
  FROM (
    SELECT ${label} ${OVER_TIME}
    GROUP BY ${label}
    ORDER BY sum(cost_nano_usd) DESC, ${label}
    LIMIT ${SERIES_MAX}
  )
) AS dearest
SELECT toDateTime(intDiv(slot, ${PLACES}), 'UTC') AS time, if(slot % ${PLACES} = 0, 'others', dearest[slot % ${PLACES}]) AS ${label},
  reinterpret(nano_usd, 'Decimal(18, 9)') AS cost
FROM (
  SELECT toUInt64($__timeInterval(at)) * ${PLACES} + transform(${label}, dearest, arrayEnumerate(dearest), 0) AS slot,
    sum(cost_nano_usd) AS nano_usd
  ${OVER_TIME}
  GROUP BY slot
)
ORDER BY time`;
}

export const TOKENS_OVER_TIME = `SELECT $__timeInterval(at) AS time, sum(input_tokens) AS input, sum(output_tokens) AS output
${OVER_TIME}
GROUP BY time
ORDER BY time`;

/** Of days, for all agents and teams: the histogram by hour and model. For less, the calls themselves. */
const IS_HISTOGRAM = `dateDiff('hour', $__fromTime, $__toTime) > 72
    AND $__conditionalAll(0 = 1, $agent) AND $__conditionalAll(0 = 1, $team)`;

export const LATENCY_OVER_TIME = `SELECT $__timeInterval(at) AS time, model, quantileExactWeighted(0.95)(ms, weight) AS p95_ms
FROM (
  SELECT hour AS at, model, duration_ms AS ms, calls AS weight
  FROM call_durations_by_hour
  WHERE $__timeFilter(hour) AND $__conditionalAll(model IN (\${model:singlequote}), $model)
    AND ${IS_HISTOGRAM}
  UNION ALL
  SELECT start AS at, model, duration_ns / 1e6 AS ms, toUInt64(1) AS weight
  ${CALLS}
  AND NOT (${IS_HISTOGRAM})
)
GROUP BY time, model
ORDER BY time`;

export const WHO_SPENDS = `SELECT team, agent, model, sum(calls) AS calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
  sum(cost_usd) AS cost, sum(unpriced_calls) AS unpriced_calls
${SPENT}
GROUP BY team, agent, model
ORDER BY cost DESC, unpriced_calls DESC
LIMIT 50`;

/**
 * Whole traces that began in the range and in which the chosen agents, teams and models took part. First which, by cost alone;
 * then what else is shown of those few. Ids are summed up as the numbers that they are: of half a million texts that takes twice as long.
 * A trace has a row of each insert until merges have met them, so nothing is asked of a row that is meant of a trace. Of what came before and
 * after the range a day is looked at: a trace that is longer and began before leaves the list one shorter, and is never in it.
 */
export const DEAREST_TRACES = `SELECT trace_id, toDateTime64(min(first_start), 9, 'UTC') AS started, argMinMerge(agent_state) AS made_by, sum(calls) AS calls, sum(cost_usd) AS cost
FROM trace_summaries
WHERE trace_id IN (
  SELECT lower(hex(reinterpretAsFixedString(id)))
  FROM trace_summaries
  WHERE first_start >= $__fromTime - INTERVAL 1 DAY AND first_start <= $__toTime + INTERVAL 1 DAY
  GROUP BY reinterpretAsUInt128(unhex(trace_id)) AS id
  HAVING min(first_start) >= $__fromTime AND min(first_start) <= $__toTime
    AND $__conditionalAll(max(hasAny(agents, [\${agent:singlequote}])), $agent)
    AND $__conditionalAll(max(hasAny(models, [\${model:singlequote}])), $model)
    AND $__conditionalAll(max(hasAny(teams, [\${team:singlequote}])), $team)
  ORDER BY sum(cost_nano_usd) DESC
  LIMIT 20
)
GROUP BY trace_id
HAVING started >= $__fromTime
ORDER BY cost DESC
LIMIT 20`;

export const DENIALS = `SELECT start, agent, if(tool != '', tool, model) AS what, decision, if(budget != '', budget, policy) AS refused_by, decision_reason AS reason, trace_id
FROM refusals
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
