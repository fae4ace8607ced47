-- Which of these log records are in the table, and in which part of it: a part's name tells when it was inserted.
SELECT id AS identity, _part AS part
FROM event_log
WHERE received_at >= fromUnixTimestamp64Milli({since: Int64}, 'UTC')
    AND id IN {identities: Array(String)}
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 1000000000, max_result_rows = 20000, result_overflow_mode = 'throw'
