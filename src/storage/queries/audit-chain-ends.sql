-- Chains that got links lately, and how far they are stored: what was acknowledged right before a kill is found again.
SELECT chain, toString(argMax(l.agent, (l.seq, l.agent))) AS agent, toString(max(l.seq)) AS last_seq
FROM audit_link_log AS l
WHERE received_at >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
GROUP BY chain
ORDER BY max(received_at) DESC, chain
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 20, max_memory_usage = 1000000000, max_result_rows = 200000, result_overflow_mode = 'throw'
