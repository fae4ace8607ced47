-- The identities of the log records that were received after `since` and up to `until` (Unix ms), newest first.
SELECT id
FROM event_log
WHERE received_at > fromUnixTimestamp64Milli({since: Int64}, 'UTC')
    AND received_at <= fromUnixTimestamp64Milli({until: Int64}, 'UTC')
ORDER BY received_at DESC
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 1000000000, max_result_rows = 200000, result_overflow_mode = 'throw'
