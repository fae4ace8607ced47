-- Links of one chain that are stored, by their places: asked before a hole in what has arrived is told to anybody. Of two at one place
-- the one that came first.
SELECT chain, toString(l.seq) AS seq, hash, prev, closed
FROM audit_link_log AS l
WHERE chain = {chain: String} AND l.seq BETWEEN {from: UInt64} AND {to: UInt64}
ORDER BY chain, l.seq, l.received_at, hash
LIMIT 1 BY chain, l.seq
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 10, max_memory_usage = 500000000, max_result_rows = 200000, result_overflow_mode = 'throw'
