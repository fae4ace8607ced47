-- Parts that the server put aside when it started because they are not whole, by table: their rows are not there any more. Of a
-- replicated table another replica has them.
SELECT
    table,
    toUInt32(count()) AS parts
FROM system.detached_parts
WHERE database = currentDatabase() AND startsWith(reason, 'broken')
    AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND NOT startsWith(engine, 'Replicated'))
GROUP BY table
ORDER BY table
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 10, max_memory_usage = 500000000, max_result_rows = 100, result_overflow_mode = 'throw'
