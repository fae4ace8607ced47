-- All spans of one trace, in order of their start.
SELECT
    span_id,
    parent_span_id,
    name,
    toString(kind) AS kind,
    concat(formatDateTime(spans.start, '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Nano(spans.start) % 1000000000), 9, '0'), 'Z') AS start,
    toString(duration_ns) AS duration_ns,
    toString(status) AS status,
    toString(agent) AS agent,
    toString(model) AS model,
    toString(cost_nano_usd) AS cost_nano_usd,
    toString(decision) AS decision,
    attributes
FROM spans
WHERE trace_id = {trace_id: String}
ORDER BY spans.start, span_id
LIMIT {limit: UInt32}
