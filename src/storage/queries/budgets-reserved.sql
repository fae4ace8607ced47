-- What leases held of each budget instance when its state was last written, of those written since `since` (Unix ms).
SELECT name, scope, toString(s.reserved) AS reserved
FROM (
    SELECT name, scope, reserved
    FROM budget_states
    WHERE ts >= fromUnixTimestamp64Milli({since: Int64}, 'UTC')
    ORDER BY ts DESC, window_start DESC
    LIMIT 1 BY name, scope
) AS s
WHERE s.reserved > 0
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 1000000000, max_result_rows = 1000000, result_overflow_mode = 'throw'
