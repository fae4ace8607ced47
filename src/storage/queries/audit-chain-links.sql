-- Links of one chain that are stored, by their places: asked before a hole in what has arrived is told to anybody.
SELECT chain, toString(seq) AS seq, hash, prev, closed
FROM audit_link_log
WHERE chain = {chain: String} AND seq BETWEEN {from: UInt64} AND {to: UInt64}
ORDER BY chain, seq
LIMIT 1 BY chain, seq
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 10, max_memory_usage = 500000000, max_result_rows = 200000, result_overflow_mode = 'throw'
