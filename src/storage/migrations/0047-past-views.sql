-- Rows that a plain server took for done and has not got are sent again past the views, which have had them (docs/decisions/0086): such an
-- insert says so in its `log_comment`, and no view sees it. Known when the insert is planned, so that others' rows are asked nothing.
-- Replicated tables write a token and its part in one transaction: nothing is sent so there.
-- single server only
ALTER TABLE {database}.spend_log_view MODIFY QUERY
SELECT
    toDateTime(toStartOfMinute(start), 'UTC') AS minute,
    agent, owner, team, role, user, provider, model,
    toDate(received_at) AS received_on,
    countIf(decision NOT IN ('deny', 'forbid')) AS calls,
    countIf(decision IN ('deny', 'forbid')) AS denied_calls,
    countIf(cost_status IN ('unpriced', 'missing')) AS unpriced_calls,
    countIf(cost_status = 'estimated') AS estimated_calls,
    sum(s.input_tokens) AS input_tokens,
    sum(s.output_tokens) AS output_tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd
FROM {database}.span_log AS s
WHERE getSetting('log_comment') != 'tollgate: past views' AND cost_status != ''
GROUP BY minute, agent, owner, team, role, user, provider, model, received_on;

-- single server only
ALTER TABLE {database}.spend_hour_log_view MODIFY QUERY
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour,
    agent, owner, team, role, user, provider, model, session, workflow, tool, budget,
    labels,
    reinterpretAsUInt128(sipHash128(labels)) AS labels_hash,
    toDate(received_at) AS received_on,
    countIf(decision NOT IN ('deny', 'forbid')) AS calls,
    countIf(decision IN ('deny', 'forbid')) AS denied_calls,
    countIf(cost_status IN ('unpriced', 'missing')) AS unpriced_calls,
    countIf(cost_status = 'estimated') AS estimated_calls,
    sum(s.input_tokens) AS input_tokens,
    sum(s.output_tokens) AS output_tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd
FROM {database}.span_log AS s
WHERE getSetting('log_comment') != 'tollgate: past views' AND cost_status != ''
GROUP BY hour, agent, owner, team, role, user, provider, model, session, workflow, tool, budget, labels, received_on;

-- single server only
ALTER TABLE {database}.settled_minute_log_view MODIFY QUERY
SELECT
    toDateTime(toStartOfMinute(if(lease_id != '' AND end BETWEEN received_at - INTERVAL 7 DAY AND received_at + INTERVAL 1 MINUTE, toDateTime64(end, 3, 'UTC'), received_at)), 'UTC') AS minute,
    lease_id != '' AS leased,
    labels,
    reinterpretAsUInt128(sipHash128(labels)) AS labels_hash,
    toDate(received_at) AS received_on,
    count() AS calls,
    sum(s.input_tokens + s.output_tokens) AS tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd,
    countIf(cost_status IN ('unpriced', 'missing')) AS unpriced_calls,
    sumIf(s.input_tokens + s.output_tokens, cost_status IN ('unpriced', 'missing')) AS unpriced_tokens,
    sum(if(mapContains(attributes, 'tollgate.cost.repriced_nano_usd'), toInt64OrZero(attributes['tollgate.cost.repriced_nano_usd']) - s.cost_nano_usd, 0)) AS repriced_nano_usd
FROM {database}.span_log AS s
WHERE getSetting('log_comment') != 'tollgate: past views' AND cost_status != '' AND (decision IN ('', 'allow') OR s.cost_nano_usd != 0 OR s.input_tokens + s.output_tokens > 0)
GROUP BY minute, leased, labels, received_on;

-- single server only
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
WHERE getSetting('log_comment') != 'tollgate: past views'
GROUP BY trace_id, received_on;

-- single server only
ALTER TABLE {database}.refusal_log_view MODIFY QUERY
SELECT
    start, trace_id, span_id, agent, team, role, session, user, tool, model, decision, decision_rule, decision_reason,
    policy, budget, data_label, toDate(received_at) AS received_on
FROM {database}.span_log AS s
WHERE getSetting('log_comment') != 'tollgate: past views' AND decision IN ('deny', 'forbid', 'require_approval');

-- single server only
ALTER TABLE {database}.decision_hour_log_view MODIFY QUERY
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour, agent, team, role, tool, decision, decision_rule, policy, budget,
    toDate(received_at) AS received_on, count() AS decisions
FROM {database}.span_log AS s
WHERE getSetting('log_comment') != 'tollgate: past views' AND decision != ''
GROUP BY hour, agent, team, role, tool, decision, decision_rule, policy, budget, received_on;

-- single server only
ALTER TABLE {database}.call_duration_log_view MODIFY QUERY
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour, provider, model,
    toInt16(floor(log2(greatest(toUnixTimestamp64Nano(s.end) - toUnixTimestamp64Nano(s.start), 1000) / 1e6) * 10)) AS bucket,
    toDate(received_at) AS received_on, count() AS calls
FROM {database}.span_log AS s
WHERE getSetting('log_comment') != 'tollgate: past views' AND cost_status != ''
GROUP BY hour, provider, model, bucket, received_on;

-- single server only
ALTER TABLE {database}.lease_log_view MODIFY QUERY
SELECT
    lease_id,
    labels,
    count() AS calls,
    sum(s.input_tokens + s.output_tokens) AS tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd,
    max(s.received_at) AS last_received,
    toDate(received_at) AS received_on
FROM {database}.span_log AS s
WHERE getSetting('log_comment') != 'tollgate: past views' AND lease_id != '' AND cost_status != '' AND (decision IN ('', 'allow') OR s.cost_nano_usd != 0 OR s.input_tokens + s.output_tokens > 0)
GROUP BY lease_id, labels, received_on;

-- single server only
ALTER TABLE {database}.audit_link_log_view MODIFY QUERY
SELECT
    attributes['tollgate.audit.chain'] AS chain,
    toUInt64OrZero(attributes['tollgate.audit.seq']) AS seq,
    attributes['tollgate.audit.hash'] AS hash,
    attributes['tollgate.audit.prev'] AS prev,
    attributes['tollgate.audit.closed'] = 'true' AS closed,
    agent,
    trace_id,
    span_id,
    end,
    received_at
FROM {database}.span_log AS s
WHERE getSetting('log_comment') != 'tollgate: past views' AND mapContains(attributes, 'tollgate.audit.hash');
