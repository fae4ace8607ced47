-- Traces, newest first. A trace is listed when one of its spans meets all filters; its figures are over all its spans, as
-- trace_log has summed them. First which, by their times and cost alone; then what else is shown of those few.
-- The place in double braces takes a boolean expression over the spans view that where-expression.ts beside this file has let
-- through; the query then runs as the read-only user.
-- The indexes over attributes are asked only while `attributes['key']` stays what it is: through a view, the engine makes another
-- function of it first, for which it has no index.
SELECT
    trace_id,
    concat(formatDateTime(min(t.first_start), '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Nano(min(t.first_start)) % 1000000000), 9, '0'), 'Z') AS start,
    toString(max(toUnixTimestamp64Nano(t.last_end)) - min(toUnixTimestamp64Nano(t.first_start))) AS duration_ns,
    argMinMerge(t.name) AS name,
    argMinMerge(t.agent) AS agent,
    argMinMerge(t.session) AS session,
    toString(sum(t.spans)) AS spans,
    toString(sum(t.calls)) AS calls,
    toString(sum(toInt128(t.cost_nano_usd))) AS cost_nano_usd,
    toString(sum(t.unpriced_calls)) AS unpriced_calls,
    toString(sum(t.denied)) AS denied,
    toString(sum(t.errors)) AS errors
FROM trace_log AS t
WHERE trace_id IN (
    SELECT trace_id
    FROM trace_log
    WHERE trace_id IN (
        SELECT trace_id
        FROM spans
        WHERE start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
            AND start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
            AND ({agent: String} = '' OR agent LIKE {agent: String})
            AND ({session: String} = '' OR session = {session: String})
            AND ({decision: String} = '' OR decision = {decision: String})
            AND ({error: UInt8} = 0 OR status = 'error')
            AND ({{where}})
    )
    GROUP BY trace_id
    HAVING sum(toInt128(cost_nano_usd)) >= {min_cost_nano_usd: Int64}
    ORDER BY min(first_start) DESC, trace_id
    LIMIT {limit: UInt32}
)
GROUP BY trace_id
ORDER BY min(t.first_start) DESC, trace_id
LIMIT {limit: UInt32}
SETTINGS optimize_functions_to_subcolumns = 0, max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
