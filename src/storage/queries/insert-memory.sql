-- The number of a table's newest insert, and of how many it remembers the tokens. Each insert and partition has a number. And
-- whether the table is on one server alone, so that what it does not show is not there.
SELECT
    max(max_block_number) AS newest,
    (
        SELECT (extract(engine_full, 'deduplication_window = (\\d+)'), engine = 'MergeTree')
        FROM system.tables
        WHERE database = currentDatabase() AND name = {table: String}
    ) AS made,
    made.1 AS window,
    made.2 AS is_alone
FROM system.parts
WHERE database = currentDatabase() AND table = {table: String} AND active
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 10, max_memory_usage = 500000000, max_result_rows = 10, result_overflow_mode = 'throw'
