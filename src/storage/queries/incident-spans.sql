-- What agents were refused or failed at in a window of time, the latest first: the acts that an incident's timeline shows.
SELECT
    concat(formatDateTime(s.start, '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Milli(s.start) % 1000), 3, '0'), 'Z') AS at,
    s.trace_id AS trace_id,
    s.span_id AS span_id,
    toString(s.agent) AS agent,
    if(s.tool != '', toString(s.tool), s.name) AS what,
    toString(s.decision) AS decision,
    s.decision_reason AS reason
FROM spans AS s
WHERE s.agent IN {agents: Array(String)}
    AND ({tenant: String} = '' OR s.labels['tenant'] = {tenant: String})
    AND s.start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
    AND s.start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
    AND (s.decision IN ('deny', 'forbid', 'require_approval') OR s.status = 'error')
ORDER BY s.start DESC, s.span_id
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
