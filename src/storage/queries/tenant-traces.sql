-- The traces of one tenant, newest first: as traces.sql, but its figures are over the tenant's own spans, because a trace may
-- have spans of several. The place in double braces as there.
SELECT
    trace_id,
    concat(formatDateTime(min(s.start), '%FT%T', 'UTC'), '.', leftPad(toString(toUnixTimestamp64Nano(min(s.start)) % 1000000000), 9, '0'), 'Z') AS start,
    toString(max(toUnixTimestamp64Nano(s.end)) - min(toUnixTimestamp64Nano(s.start))) AS duration_ns,
    argMin(s.name, (s.parent_span_id != '', s.start, s.name)) AS name,
    toString(argMin(s.agent, (s.agent = '', s.start - toIntervalNanosecond(s.parent_span_id = ''), s.agent))) AS agent,
    argMin(s.session, (s.session = '', s.start - toIntervalNanosecond(s.parent_span_id = ''), s.session)) AS session,
    toString(count()) AS spans,
    toString(countIf(s.cost_status != '' AND s.decision NOT IN ('deny', 'forbid'))) AS calls,
    toString(sum(toInt128(s.cost_nano_usd))) AS cost_nano_usd,
    toString(countIf(s.cost_status IN ('unpriced', 'missing'))) AS unpriced_calls,
    toString(countIf(s.decision IN ('deny', 'forbid'))) AS denied,
    toString(countIf(s.status = 'error')) AS errors
FROM spans AS s
WHERE s.labels['tenant'] = {tenant: String}
    AND trace_id IN (
        SELECT trace_id
        FROM spans
        WHERE start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
            AND start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
            AND labels['tenant'] = {tenant: String}
            AND ({agent: String} = '' OR agent LIKE {agent: String})
            AND ({session: String} = '' OR session = {session: String})
            AND ({decision: String} = '' OR decision = {decision: String})
            AND ({error: UInt8} = 0 OR status = 'error')
            AND ({{where}})
    )
GROUP BY trace_id
HAVING sum(toInt128(s.cost_nano_usd)) >= {min_cost_nano_usd: Int64}
ORDER BY min(s.start) DESC, trace_id
LIMIT {limit: UInt32}
SETTINGS optimize_functions_to_subcolumns = 0, max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
