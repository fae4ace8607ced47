-- Checkpoints that were signed in the window, and of each log the one before.
SELECT
    'checkpoint' AS line,
    log,
    number,
    size,
    root,
    concat(formatDateTime(c.time, '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Milli(c.time) % 1000), 3, '0'), 'Z') AS time,
    previous,
    toString(key) AS key,
    signature,
    leaves,
    frontier
FROM audit_checkpoint_log AS c FINAL
INNER JOIN
(
    SELECT log, min(number) AS first_number
    FROM audit_checkpoint_log
    WHERE time >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
    GROUP BY log
) AS w ON c.log = w.log
WHERE c.number + 1 >= w.first_number AND c.time < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 1500000000, max_result_rows = 2000001, result_overflow_mode = 'throw'
