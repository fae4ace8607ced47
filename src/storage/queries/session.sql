-- All spans of one session, over all its traces and agents, in order of their start. Of the table, as in trace.sql.
SELECT
    trace_id,
    span_id,
    parent_span_id,
    name,
    toString(kind) AS kind,
    concat(formatDateTime(s.start, '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Nano(s.start) % 1000000000), 9, '0'), 'Z') AS start,
    toString(duration_ns) AS duration_ns,
    toString(status) AS status,
    status_message,
    toString(agent) AS agent,
    toString(model) AS model,
    toString(cost_nano_usd) AS cost_nano_usd,
    toString(cost_status) AS cost_status,
    toString(decision) AS decision,
    attributes
FROM span_log AS s
WHERE session = {session: String} AND name != 'audit close'
    AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
ORDER BY s.start, span_id
LIMIT {limit: UInt32}
SETTINGS local_filesystem_read_prefetch = 1, load_marks_asynchronously = 1, max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
