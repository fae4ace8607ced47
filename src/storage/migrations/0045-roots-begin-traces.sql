-- Of spans that begin in one moment the root began the trace: many clocks tell milliseconds, and an agent's first act falls into the one in
-- which it was called. It stands a nanosecond before the others, so that the same agent and session are named whatever came first.
ALTER TABLE {database}.trace_log_view MODIFY QUERY
SELECT
    trace_id,
    min(s.start) AS first_start,
    max(s.start) AS last_start,
    max(s.end) AS last_end,
    argMinState(toString(s.name), (s.parent_span_id != '', s.start)) AS name,
    argMinState(toString(s.agent), (s.agent = '', s.start - toIntervalNanosecond(s.parent_span_id = ''))) AS agent,
    argMinState(s.session, (s.session = '', s.start - toIntervalNanosecond(s.parent_span_id = ''))) AS session,
    groupUniqArrayIf(16)(toString(s.agent), s.agent != '') AS agents,
    groupUniqArrayIf(16)(toString(s.team), s.team != '') AS teams,
    groupUniqArrayIf(16)(toString(s.model), s.model != '') AS models,
    count() AS spans,
    countIf(s.cost_status != '' AND s.decision NOT IN ('deny', 'forbid')) AS calls,
    countIf(s.decision IN ('deny', 'forbid', 'require_approval')) AS denied,
    countIf(s.status = 'error') AS errors,
    sum(s.cost_nano_usd) AS cost_nano_usd,
    toDate(s.received_at) AS received_on,
    countIf(s.cost_status IN ('unpriced', 'missing')) AS unpriced_calls
FROM {database}.span_log AS s
GROUP BY trace_id, received_on;
