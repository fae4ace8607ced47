-- The views that people, the CLI and Grafana read. Their columns stay; what is behind them may change.
-- `cost_usd` is the same integer read as a decimal: exact, and sums of it stay exact (Decimal(38, 9)).
CREATE OR REPLACE VIEW {database}.spans AS
SELECT *, reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.span_log;

CREATE OR REPLACE VIEW {database}.llm_calls AS
SELECT *, reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.span_log
WHERE cost_status != '';

CREATE OR REPLACE VIEW {database}.tool_decisions AS
SELECT
    start, trace_id, span_id, parent_span_id, service, agent, agent_verified, owner, team, role, session, workflow, user,
    tool, decision, decision_rule, decision_reason, policy, data_label, status, duration_ns, labels, attributes, received_at
FROM {database}.span_log
WHERE decision != '' AND tool != '';

CREATE OR REPLACE VIEW {database}.spend_by_minute AS
SELECT
    minute, agent, owner, team, role, user, provider, model,
    sum(l.calls) AS calls,
    sum(l.denied_calls) AS denied_calls,
    sum(l.unpriced_calls) AS unpriced_calls,
    sum(l.estimated_calls) AS estimated_calls,
    sum(l.input_tokens) AS input_tokens,
    sum(l.output_tokens) AS output_tokens,
    sum(l.cost_nano_usd) AS cost_nano_usd,
    reinterpret(sum(l.cost_nano_usd), 'Decimal(18, 9)') AS cost_usd
FROM {database}.spend_log AS l
GROUP BY minute, agent, owner, team, role, user, provider, model;

CREATE OR REPLACE VIEW {database}.sessions AS
SELECT
    session,
    groupUniqArray(16)(s.agent) AS agents,
    anyIf(s.user, s.user != '') AS user,
    anyIf(s.team, s.team != '') AS team,
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
FROM (SELECT * FROM {database}.budget_states ORDER BY ts DESC LIMIT 1 BY name, scope);
