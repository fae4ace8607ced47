-- Traces by the first of their spans that meets all filters, the latest first: which traces a list may hold, without a look at
-- trace_log, where a day's traces lie among all others. The place in double braces, and the setting about
-- subcolumns, as in traces.sql.
SELECT
    trace_id,
    concat(formatDateTime(min(s.start), '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Nano(min(s.start)) % 1000000000), 9, '0'), 'Z') AS seen
FROM spans AS s
WHERE start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
    AND start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
    AND ({agent: String} = '' OR agent LIKE {agent: String})
    AND ({session: String} = '' OR session = {session: String})
    AND ({decision: String} = '' OR decision = {decision: String})
    AND ({error: UInt8} = 0 OR status = 'error')
    AND ({{where}})
GROUP BY trace_id
ORDER BY min(s.start) DESC, trace_id
LIMIT {limit: UInt32}
SETTINGS optimize_functions_to_subcolumns = 0, max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
