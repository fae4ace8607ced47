-- What was counted up to the minute `until`, to compare with the ledger: `least` are the calls that it must have counted by then,
-- `most` those that it may have. Both lie around the window by the time that a report may take.
WITH minute >= toDateTime({least_since_s: UInt32}, 'UTC') AND minute < toDateTime({least_until_s: UInt32}, 'UTC') AS within
SELECT
    arrayMap(key -> labels[key], {keys: Array(String)}) AS label_values,
    leased,
    toString(sumIf(l.calls, within)) AS least_calls,
    toString(sumIf(l.tokens, within)) AS least_tokens,
    toString(sumIf(l.cost_nano_usd, within)) AS least_nano_usd,
    toString(sum(l.calls)) AS most_calls,
    toString(sum(l.tokens)) AS most_tokens,
    toString(sum(l.cost_nano_usd)) AS most_nano_usd,
    toString(sum(l.repriced_nano_usd)) AS repriced_nano_usd
FROM settled_minute_log AS l
WHERE minute >= toDateTime({most_since_s: UInt32}, 'UTC') AND minute < toDateTime({most_until_s: UInt32}, 'UTC')
GROUP BY label_values, leased
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 2000000000, max_result_rows = 1000000, result_overflow_mode = 'throw'
