-- Traces, newest first. A trace is listed when one of its spans meets all filters; its figures are over all its spans.
-- The place in double braces takes a boolean expression over the spans view that where-expression.ts beside this file has let
-- through; the query then runs as the read-only user.
SELECT
    trace_id,
    concat(formatDateTime(min(spans.start), '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Nano(min(spans.start)) % 1000000000), 9, '0'), 'Z') AS start,
    toString(max(toUnixTimestamp64Nano(spans.end)) - min(toUnixTimestamp64Nano(spans.start))) AS duration_ns,
    argMin(name, (parent_span_id != '', spans.start)) AS name,
    argMin(toString(agent), (agent = '', spans.start)) AS agent,
    argMin(toString(session), (session = '', spans.start)) AS session,
    toString(count()) AS spans,
    toString(countIf(cost_status != '' AND decision NOT IN ('deny', 'forbid'))) AS calls,
    toString(sum(toInt128(cost_nano_usd))) AS cost_nano_usd,
    toString(countIf(decision IN ('deny', 'forbid', 'require_approval'))) AS denied,
    toString(countIf(status = 'error')) AS errors
FROM spans
WHERE trace_id IN (
    SELECT trace_id
    FROM spans
    WHERE start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
        AND start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
        AND ({agent: String} = '' OR agent = {agent: String})
        AND ({session: String} = '' OR session = {session: String})
        AND ({decision: String} = '' OR decision = {decision: String})
        AND ({error: UInt8} = 0 OR status = 'error')
        AND ({{where}})
)
GROUP BY trace_id
HAVING sum(toInt128(spans.cost_nano_usd)) >= {min_cost_nano_usd: Int64}
ORDER BY min(spans.start) DESC, trace_id
LIMIT {limit: UInt32}
