-- The newest checkpoint of a log that is published.
SELECT toString(max(number)) AS number
FROM audit_checkpoint_log
WHERE log = {log: String}
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 10, max_memory_usage = 500000000, max_result_rows = 10, result_overflow_mode = 'throw'
