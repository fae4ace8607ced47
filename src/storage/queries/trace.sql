-- All spans of one trace, in order of their start. trace_log says when it was, so that only the parts of those days are read.
-- Of the table and not of the view over it, whose sixty columns cost as much to resolve as the trace to read; so it leaves out
-- itself what is no span.
-- What a column needs from the disk is asked for at once, not column after column.
WITH (SELECT (min(first_start), max(last_start)) FROM trace_log WHERE trace_id = {trace_id: String}) AS bounds
SELECT
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
WHERE trace_id = {trace_id: String} AND s.start BETWEEN bounds.1 AND bounds.2 AND name != 'audit close'
    AND ({tenant: String} = '' OR labels['tenant'] = {tenant: String})
ORDER BY s.start, span_id
LIMIT {limit: UInt32}
SETTINGS local_filesystem_read_prefetch = 1, load_marks_asynchronously = 1, max_execution_time = 10, max_memory_usage = 1000000000, max_result_rows = 20000, result_overflow_mode = 'throw'
