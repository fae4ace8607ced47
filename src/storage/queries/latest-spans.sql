-- What came in last, newest first. The place in double braces as in traces.sql.
SELECT
    trace_id,
    span_id,
    parent_span_id,
    name,
    toString(kind) AS kind,
    concat(formatDateTime(spans.start, '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Nano(spans.start) % 1000000000), 9, '0'), 'Z') AS start,
    toString(duration_ns) AS duration_ns,
    toString(status) AS status,
    status_message,
    toString(agent) AS agent,
    toString(model) AS model,
    toString(cost_nano_usd) AS cost_nano_usd,
    toString(cost_status) AS cost_status,
    toString(decision) AS decision,
    attributes
FROM spans
WHERE received_at >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
    AND ({agent: String} = '' OR agent LIKE {agent: String})
    AND ({session: String} = '' OR session = {session: String})
    AND ({decision: String} = '' OR decision = {decision: String})
    AND ({error: UInt8} = 0 OR status = 'error')
    AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
    AND ({{where}})
ORDER BY received_at DESC, spans.start DESC, span_id
LIMIT {limit: UInt32}
SETTINGS optimize_functions_to_subcolumns = 0, max_execution_time = 10, max_memory_usage = 1000000000, max_result_rows = 20000, result_overflow_mode = 'throw'
