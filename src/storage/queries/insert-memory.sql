-- The number of a table's newest insert, and of how many it remembers the tokens. Each insert and partition has a number.
SELECT
    max(max_block_number) AS newest,
    (
        SELECT extract(engine_full, 'deduplication_window = (\\d+)')
        FROM system.tables
        WHERE database = currentDatabase() AND name = {table: String}
    ) AS window
FROM system.parts
WHERE database = currentDatabase() AND table = {table: String} AND active
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 10, max_memory_usage = 500000000, max_result_rows = 10, result_overflow_mode = 'throw'
