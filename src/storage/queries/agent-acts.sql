-- What agents did since then: by tool and environment, and model calls under the empty tool. What was denied counts as denied, but for
-- acts that an agent only observes: those are what it would have done.
SELECT
    agent,
    tool,
    multiIf(
        mapContains(labels, 'environment'), labels['environment'],
        mapContains(labels, 'deployment.environment.name'), labels['deployment.environment.name'],
        labels['deployment.environment']
    ) AS environment,
    toString(countIf(decision NOT IN ('deny', 'forbid', 'require_approval'))) AS acts,
    toString(countIf(decision IN ('deny', 'forbid') AND decision_rule != 'autonomy: observe')) AS denied,
    toString(countIf(decision_rule = 'autonomy: observe')) AS observed,
    toString(countIf(decision = 'forbid' AND decision_rule NOT IN ('kill', 'pause'))) AS forbidden,
    toString(countIf(status = 'error' AND decision NOT IN ('deny', 'forbid', 'require_approval'))) AS errors,
    toString(sum(toInt128(cost_nano_usd))) AS cost_nano_usd,
    toString(countIf(cost_status IN ('unpriced', 'missing'))) AS unpriced_calls
FROM spans
WHERE agent != '' AND (decision != '' OR cost_status != '')
    AND start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
GROUP BY agent, tool, environment
ORDER BY agent, tool, environment
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
