-- Which of these spans are in the table, and in which part of it: a part's name tells when it was inserted.
-- `identities` are trace id and span id in one; `trace_ids` once more for the index.
SELECT concat(trace_id, span_id) AS identity, _part AS part
FROM span_log
WHERE received_at >= fromUnixTimestamp64Milli({since: Int64}, 'UTC')
    AND trace_id IN {trace_ids: Array(String)}
    AND concat(trace_id, span_id) IN {identities: Array(String)}
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 1000000000, max_result_rows = 20000, result_overflow_mode = 'throw'
