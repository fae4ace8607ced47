-- What policies decided on tools in the window, counted by all that a policy can see of it in the record, with traces to look at.
SELECT
    toString(agent) AS agent,
    toString(team) AS team,
    toString(role) AS role,
    if(labels['environment'] != '', labels['environment'], labels['deployment.environment.name']) AS environment,
    labels['ancestors'] AS ancestors,
    labels['autonomy'] AS autonomy,
    toString(tool) AS tool,
    toString(decision) AS decision,
    toString(decision_rule) AS rule,
    count() AS decisions,
    groupUniqArray(3)(trace_id) AS traces
FROM span_log
WHERE start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC') AND start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
    AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
    AND tool != '' AND decision != '' AND (policy != '' OR decision = 'allow')
GROUP BY agent, team, role, environment, ancestors, autonomy, tool, decision, rule
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 60, max_memory_usage = 1500000000, max_result_rows = 2000001, max_bytes_before_external_group_by = 500000000
