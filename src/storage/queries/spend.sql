-- What calls cost, by labels. One row for each combination of values; most expensive first. Whole days come from the roll-up's
-- projection by day where that has all the labels, the hours beside them from the roll-up, which has every label and outlives the
-- spans. An hour that an end of the range cuts is taken whole or not at all, whichever is nearer, and the spans between are taken away
-- or added; of a range that ends now it is whole, as nothing lies behind.
-- The place in double braces takes an array of label values, made by label-values.ts beside this file.
-- Rows are spans that cost (cost_status != ''): an aggregate that a parent span carries never counts again. What was refused alone is no spend.
WITH
    fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC') AS since,
    fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC') AS until,
    {until_ms: Int64} > toUnixTimestamp64Milli(now64(3)) - 60000 AS ends_now,
    -- In seconds, up to the last day that a DateTime holds.
    least(intDiv({since_ms: Int64} + 1800000, 3600000) * 3600, 4294944000) AS first_second,
    least(intDiv({until_ms: Int64} + if(ends_now, 3599999, 1800000), 3600000) * 3600, 4294944000) AS last_second,
    toDateTime(first_second, 'UTC') AS first_hour,
    toDateTime(last_second, 'UTC') AS last_hour,
    toDate(toDateTime(first_second + 86399, 'UTC')) AS first_day,
    toDate(last_hour) AS last_day
SELECT
    label_values,
    toString(sum(toInt128(nano_usd))) AS cost_nano_usd,
    toString(sum(made)) AS calls,
    toString(sum(tokens_in)) AS input_tokens,
    toString(sum(tokens_out)) AS output_tokens,
    toString(sum(unpriced)) AS unpriced_calls
FROM (
    SELECT
        {{labels_of_days}} AS label_values,
        sum(cost_nano_usd) AS nano_usd, toInt64(sum(calls)) AS made, toInt64(sum(input_tokens)) AS tokens_in,
        toInt64(sum(output_tokens)) AS tokens_out, toInt64(sum(unpriced_calls)) AS unpriced
    FROM spend_hour_log
    WHERE toDate(hour) >= first_day AND toDate(hour) < last_day
        AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
    GROUP BY label_values
    UNION ALL
    SELECT
        {{labels}} AS label_values,
        cost_nano_usd AS nano_usd, toInt64(calls) AS made, toInt64(input_tokens) AS tokens_in, toInt64(output_tokens) AS tokens_out,
        toInt64(unpriced_calls) AS unpriced
    FROM spend_hour_log
    WHERE hour >= first_hour AND hour < last_hour AND (toDate(hour) < first_day OR toDate(hour) >= last_day)
        AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
    UNION ALL
    WITH
        start >= least(since, first_hour) AND start < greatest(since, first_hour) AS at_first_hour,
        start >= least(until, last_hour) AND start < greatest(until, last_hour) AS at_last_hour,
        -- + 1 what the hours lack, - 1 what they have too much; of a range within an hour a span may be both.
        if(at_first_hour, if(since < first_hour, 1, -1), 0) + if(at_last_hour, if(last_hour < until, 1, -1), 0) AS sign
    SELECT
        {{labels}} AS label_values,
        cost_nano_usd * sign AS nano_usd, (decision NOT IN ('deny', 'forbid')) * sign AS made, toInt64(input_tokens) * sign AS tokens_in,
        toInt64(output_tokens) * sign AS tokens_out, (cost_status IN ('unpriced', 'missing')) * sign AS unpriced
    FROM span_log
    WHERE cost_status != '' AND (at_first_hour OR at_last_hour)
        AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
)
GROUP BY label_values
HAVING sum(made) > 0 OR sum(toInt128(nano_usd)) != 0
ORDER BY sum(toInt128(nano_usd)) DESC, label_values
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
