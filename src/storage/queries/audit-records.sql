-- What the gate recorded in the window, with all that a link covers and the columns that repeat it. A record that lost its link is
-- told by its scope.
SELECT
    'record' AS line,
    trace_id,
    span_id,
    parent_span_id,
    toString(toUnixTimestamp64Nano(start)) AS start_ns,
    toString(toUnixTimestamp64Nano(end)) AS end_ns,
    toString(status) AS status,
    mapFilter((k, v) -> startsWith(k, 'tollgate.') OR startsWith(k, 'gen_ai.') AND NOT match(k, 'messages|instructions|arguments|result|definitions|description') OR k = 'user.id', attributes) AS covered,
    toString(agent) AS agent,
    toString(tool) AS tool,
    toString(model) AS model,
    toString(decision) AS decision,
    toString(decision_rule) AS rule,
    toString(cost_nano_usd) AS cost,
    toString(cost_status) AS cost_status
FROM span_log
WHERE end >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC') AND end < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
    AND start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC') - INTERVAL 7 DAY
    AND start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
    AND (scope = '@tollgate/instrumentation' OR mapContains(attributes, 'tollgate.audit.hash'))
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 1500000000, max_result_rows = 2000001, result_overflow_mode = 'throw'
