-- Calls without a price since `since`, by who made them and of what: most tokens first.
SELECT
    labels['agent'] AS agent,
    labels['team'] AS team,
    labels['provider'] AS provider,
    labels['model'] AS model,
    toString(sum(l.unpriced_calls)) AS calls,
    toString(sum(l.unpriced_tokens)) AS tokens
FROM settled_minute_log AS l
WHERE minute >= toDateTime({since_s: UInt32}, 'UTC') AND l.unpriced_calls > 0
GROUP BY agent, team, provider, model
ORDER BY sum(l.unpriced_tokens) DESC, agent, model
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1000000000, max_result_rows = 20000, result_overflow_mode = 'throw'
