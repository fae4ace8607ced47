-- What the spans of each lease have shown of it, of the leases that had one since `since` (Unix ms).
SELECT
    lease_id,
    anyLast(l.labels) AS labels,
    toString(sum(l.calls)) AS calls,
    toString(sum(l.tokens)) AS tokens,
    toString(sum(l.cost_nano_usd)) AS cost_nano_usd
FROM lease_log AS l
GROUP BY lease_id
HAVING max(l.last_received) >= fromUnixTimestamp64Milli({since: Int64}, 'UTC')
ORDER BY max(l.last_received) DESC
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 2000000000, max_result_rows = 1000000, result_overflow_mode = 'throw'
