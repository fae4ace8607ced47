-- What is told of a session and of a budget does not depend on which rows came first, or on which thread read them first: the user and
-- the team of the earliest span that has one, of very many agents the first by name; of two windows of a budget that were written in
-- one millisecond, as at a turn, the later one.
CREATE OR REPLACE VIEW {database}.sessions AS
SELECT
    session,
    arraySlice(arraySort(groupUniqArray(1000)(s.agent)), 1, 16) AS agents,
    argMinIf(s.user, (s.start, s.user), s.user != '') AS user,
    argMinIf(s.team, (s.start, s.team), s.team != '') AS team,
    min(s.start) AS first_seen,
    max(s.end) AS last_seen,
    uniqExact(s.trace_id) AS traces,
    count() AS spans,
    countIf(s.cost_status != '' AND s.decision NOT IN ('deny', 'forbid')) AS calls,
    countIf(s.decision IN ('deny', 'forbid')) AS denied,
    countIf(s.status = 'error') AS errors,
    countIf(s.cost_status IN ('unpriced', 'missing')) AS unpriced_calls,
    sumIf(s.input_tokens, s.cost_status != '') AS input_tokens,
    sumIf(s.output_tokens, s.cost_status != '') AS output_tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd,
    reinterpret(sum(s.cost_nano_usd), 'Decimal(18, 9)') AS cost_usd
FROM {database}.span_log AS s
WHERE session != ''
GROUP BY session;

CREATE OR REPLACE VIEW {database}.budgets_now AS
SELECT
    name, scope, measure, mode, window_start, limit_value, settled, reserved, remaining, state, ts,
    if(measure = 'usd', reinterpret(limit_value, 'Decimal(18, 9)'), NULL) AS limit_usd,
    if(measure = 'usd', reinterpret(settled, 'Decimal(18, 9)'), NULL) AS settled_usd,
    if(measure = 'usd', reinterpret(reserved, 'Decimal(18, 9)'), NULL) AS reserved_usd,
    if(measure = 'usd', reinterpret(remaining, 'Decimal(18, 9)'), NULL) AS remaining_usd
FROM (SELECT * FROM {database}.budget_states ORDER BY ts DESC, window_start DESC LIMIT 1 BY name, scope);
