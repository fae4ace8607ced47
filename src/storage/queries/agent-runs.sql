-- In how many runs agents did what they did since then: a run is a session, else a workflow, else a trace.
SELECT
    agent,
    toString(uniqExact(multiIf(session != '', session, workflow != '', workflow, trace_id))) AS runs
FROM span_log
WHERE agent != '' AND (decision != '' OR cost_status != '')
    AND start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
GROUP BY agent
ORDER BY agent
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
