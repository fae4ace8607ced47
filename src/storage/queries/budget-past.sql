-- What was counted from `since` to the minute of `until`, for budgets that don't know it: by the values of the labels that they look at, in buckets of
-- `bucket_s` seconds (0: all in one).
SELECT
    arrayMap(key -> labels[key], {keys: Array(String)}) AS label_values,
    leased,
    if({bucket_s: UInt32} = 0, 0, intDiv(toUnixTimestamp(minute), greatest({bucket_s: UInt32}, 1))) AS bucket,
    toUnixTimestamp(max(minute)) AS last_minute,
    toString(sum(l.calls)) AS calls,
    toString(sum(l.tokens)) AS tokens,
    toString(sum(l.cost_nano_usd)) AS cost_nano_usd,
    toString(sum(l.unpriced_calls)) AS unpriced_calls,
    toString(sum(l.unpriced_tokens)) AS unpriced_tokens
FROM settled_minute_log AS l
WHERE minute >= toDateTime({since_s: UInt32}, 'UTC') AND minute <= toDateTime({until_s: UInt32}, 'UTC')
GROUP BY label_values, leased, bucket
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 2000000000, max_result_rows = 1000000, result_overflow_mode = 'throw'
