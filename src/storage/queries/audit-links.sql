-- The links of every chain that has one in the window, or got one in it, from the one before the first to the one after the last.
SELECT
    'link' AS line,
    chain,
    seq,
    hash,
    prev,
    closed,
    toString(agent) AS agent,
    trace_id,
    span_id,
    toString(toUnixTimestamp64Nano(end)) AS end_ns,
    toString(toUnixTimestamp64Milli(received_at)) AS received_ms
FROM audit_link_log AS l
INNER JOIN
(
    SELECT chain, min(seq) AS first_seq, max(seq) AS last_seq
    FROM audit_link_log
    WHERE (end >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC') AND end < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC'))
        OR (received_at >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC') AND received_at < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC'))
    GROUP BY chain
) AS w ON l.chain = w.chain
WHERE l.seq + 1 >= w.first_seq AND l.seq <= w.last_seq + 1
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 1500000000, max_result_rows = 2000001, result_overflow_mode = 'throw'
