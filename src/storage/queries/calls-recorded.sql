-- Calls that were made in the window, in the order in which they began, as budgets count them (src/processors/meter): for replaying
-- limits over them. Values of the labels that are asked for; "" for one that a call has not.
SELECT
    toUnixTimestamp64Milli(start) AS start_ms,
    arrayMap(key -> labels[key], {keys: Array(String)}) AS label_values,
    toString(s.cost_nano_usd) AS cost_nano_usd,
    toUInt8(cost_status != '') AS calls,
    s.input_tokens AS input_tokens,
    s.output_tokens AS output_tokens,
    s.cache_read_tokens AS cached_tokens,
    s.reasoning_tokens AS reasoning_tokens,
    toBool(cost_status = 'unpriced' OR (cost_status = 'missing' AND lease_id = '')) AS unpriced,
    trace_id
FROM span_log AS s
WHERE start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC') AND start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
    AND ((cost_status != '' AND (decision IN ('', 'allow') OR s.cost_nano_usd != 0 OR s.input_tokens + s.output_tokens > 0))
        OR (cost_status = '' AND tool != '' AND operation = 'execute_tool' AND decision IN ('', 'allow')))
ORDER BY start
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 2000000000, max_result_rows = 2000001, result_overflow_mode = 'throw'
