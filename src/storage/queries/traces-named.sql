-- Traces by their ids, newest first, with the figures of traces.sql.
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
WHERE trace_id IN {trace_ids: Array(String)}
GROUP BY trace_id
ORDER BY min(t.first_start) DESC, trace_id
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
