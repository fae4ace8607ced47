-- What calls cost, by labels. One row for each combination of values; most expensive first. Whole days come from the roll-up's
-- projection by day where that has all the labels, the hours beside them from the roll-up, which has every label and outlives the
-- spans; what is left at both ends comes from the spans themselves.
-- The place in double braces takes an array of label values, made by label-values.ts beside this file.
-- Rows are spans that cost (cost_status != ''): an aggregate that a parent span carries never counts again. What was refused alone is no spend.
WITH
    fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC') AS since,
    fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC') AS until,
    toDateTime(toStartOfHour(toDateTime(intDiv({since_ms: Int64} + 3599999, 1000), 'UTC')), 'UTC') AS first_hour,
    toDateTime(toStartOfHour(toDateTime(intDiv({until_ms: Int64}, 1000), 'UTC')), 'UTC') AS last_hour,
    toDate(toDateTime(intDiv({since_ms: Int64} + 86399999, 1000), 'UTC')) AS first_day,
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
        sum(cost_nano_usd) AS nano_usd, sum(calls) AS made, sum(input_tokens) AS tokens_in, sum(output_tokens) AS tokens_out,
        sum(unpriced_calls) AS unpriced
    FROM spend_hour_log
    WHERE toDate(hour) >= first_day AND toDate(hour) < last_day
        AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
    GROUP BY label_values
    UNION ALL
    SELECT
        {{labels}} AS label_values,
        cost_nano_usd AS nano_usd, calls AS made, input_tokens AS tokens_in, output_tokens AS tokens_out, unpriced_calls AS unpriced
    FROM spend_hour_log
    WHERE hour >= first_hour AND hour < last_hour AND (toDate(hour) < first_day OR toDate(hour) >= last_day)
        AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
    UNION ALL
    SELECT
        {{labels}} AS label_values,
        cost_nano_usd AS nano_usd, toUInt64(decision NOT IN ('deny', 'forbid')) AS made, input_tokens AS tokens_in,
        output_tokens AS tokens_out, toUInt64(cost_status IN ('unpriced', 'missing')) AS unpriced
    FROM span_log
    WHERE cost_status != '' AND start >= since AND start < until
        AND (start < first_hour OR start >= last_hour)
        AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
)
GROUP BY label_values
HAVING sum(made) > 0 OR sum(toInt128(nano_usd)) != 0
ORDER BY sum(toInt128(nano_usd)) DESC, label_values
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
