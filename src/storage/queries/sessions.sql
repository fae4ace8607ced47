-- Sessions with a span in the time asked for, the latest first; the figures are of the spans in that time. Who is told does not depend on
-- which spans came first: the user of the earliest span that has one, and of very many agents the first by name.
SELECT
    session,
    arraySlice(arraySort(groupUniqArray(1000)(toString(s.agent))), 1, 16) AS agents,
    argMinIf(s.user, (s.start, s.user), s.user != '') AS user,
    concat(formatDateTime(min(s.start), '%FT%T', 'UTC'), 'Z') AS first_seen,
    concat(formatDateTime(max(s.end), '%FT%T', 'UTC'), 'Z') AS last_seen,
    toString(uniqExact(s.trace_id)) AS traces,
    toString(count()) AS spans,
    toString(countIf(s.cost_status != '' AND s.decision NOT IN ('deny', 'forbid'))) AS calls,
    toString(countIf(s.decision IN ('deny', 'forbid'))) AS denied,
    toString(countIf(s.status = 'error')) AS errors,
    toString(sum(toInt128(s.cost_nano_usd))) AS cost_nano_usd,
    toString(countIf(s.cost_status IN ('unpriced', 'missing'))) AS unpriced_calls
FROM spans AS s
WHERE session != ''
    AND s.start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
    AND s.start < fromUnixTimestamp64Milli({until_ms: Int64}, 'UTC')
    AND ({agent: String} = '' OR s.agent LIKE {agent: String})
    AND ({tenant: String} = '' OR s.labels['tenant'] = {tenant: String})
GROUP BY session
ORDER BY max(s.end) DESC, session
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
