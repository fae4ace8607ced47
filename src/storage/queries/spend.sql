-- What calls cost, by labels. One row for each combination of values; most expensive first.
-- Rows are spans that cost (cost_status != ''): an aggregate that a parent span carries never counts again.
SELECT
    arrayMap(
        key -> multiIf(
            key = 'agent', toString(agent),
            key = 'team', toString(team),
            key = 'role', toString(role),
            key = 'owner', toString(owner),
            key = 'session', toString(session),
            key = 'workflow', toString(workflow),
            key = 'user', toString(user),
            key = 'model', toString(model),
            key = 'provider', toString(provider),
            key = 'tool', toString(tool),
            key = 'budget', toString(budget),
            labels[key]
        ),
        {keys: Array(String)}
    ) AS label_values,
    toString(sum(toInt128(cost_nano_usd))) AS cost_nano_usd,
    toString(countIf(decision NOT IN ('deny', 'forbid'))) AS calls,
    toString(sum(input_tokens)) AS input_tokens,
    toString(sum(output_tokens)) AS output_tokens,
    toString(countIf(cost_status IN ('unpriced', 'missing'))) AS unpriced_calls
FROM spans
WHERE cost_status != ''
    AND start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
    AND start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
GROUP BY label_values
ORDER BY sum(toInt128(spans.cost_nano_usd)) DESC, label_values
LIMIT {limit: UInt32}
