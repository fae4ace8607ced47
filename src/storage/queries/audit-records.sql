-- What the gate recorded in the window: the text that its link covers as the link's form has it (docs/audit.md), so that whoever
-- verifies hashes the bytes as they stand, its keys, and the columns that repeat it. A record that lost its link is told by its scope.
WITH
    mapSort(mapFilter((k, v) -> (arrayExists(p -> startsWith(k, p), {prefixes: Array(String)}) OR has({names: Array(String)}, k)) AND NOT has({not: Array(String)}, k) AND NOT startsWith(k, {sealed_prefix: String}) AND NOT has({sealed: Array(String)}, k), attributes)) AS hashed,
    mapSort(mapFilter((k, v) -> startsWith(k, {sealed_prefix: String}) OR has({sealed: Array(String)}, k), attributes)) AS sealed_values,
    attributes['tollgate.audit.salt'] AS salt
SELECT
    'hashed' AS line,
    arrayConcat(
        ['tollgate-audit-1', attributes['tollgate.audit.chain'], attributes['tollgate.audit.seq'], attributes['tollgate.audit.prev'],
            trace_id, span_id, parent_span_id, toString(toUnixTimestamp64Nano(start)), toString(toUnixTimestamp64Nano(end)), toString(status),
            lower(hex(SHA256(toJSONString(mapKeys(hashed)))))],
        mapValues(hashed)) AS text,
    attributes['tollgate.audit.hash'] AS hash,
    mapKeys(hashed) AS keys,
    if(mapContains(attributes, 'tollgate.audit.salt'),
        arrayConcat(['tollgate-audit-1', salt, lower(hex(SHA256(toJSONString(mapKeys(sealed_values)))))], mapValues(sealed_values)), []) AS seal,
    mapKeys(sealed_values) AS sealed_keys,
    toBool(mapContains(attributes, 'tollgate.agent.claimed')) AS claimed,
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
SETTINGS max_execution_time = 60, max_memory_usage = 1500000000, max_result_rows = 2000001, result_overflow_mode = 'throw', output_format_json_escape_forward_slashes = 0
