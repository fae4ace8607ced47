-- How many calls of a trace have no price: what the others cost is not what the trace costs. Of the traces that are there, the
-- spans are counted that are kept: their rows fold into the trace's own as if they had come with its spans, and count nothing
-- else. The column goes first, so that a count that was cut off starts again.
-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'trace_log_view' AND position(as_select, 'unpriced_calls') > 0
ALTER TABLE {database}.trace_log DROP COLUMN IF EXISTS unpriced_calls;

ALTER TABLE {database}.trace_log ADD COLUMN IF NOT EXISTS unpriced_calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1));

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'trace_log_view' AND position(as_select, 'unpriced_calls') > 0
INSERT INTO {database}.trace_log
(trace_id, first_start, last_start, last_end, name, agent, session, received_on, unpriced_calls)
SELECT
    trace_id,
    min(s.start) AS first_start,
    max(s.start) AS last_start,
    max(s.end) AS last_end,
    argMinState(toString(s.name), (s.parent_span_id != '', s.start)) AS name,
    argMinState(toString(s.agent), (s.agent = '', s.start)) AS agent,
    argMinState(s.session, (s.session = '', s.start)) AS session,
    toDate(s.received_at) AS received_on,
    count() AS unpriced_calls
FROM {database}.span_log AS s
WHERE cost_status IN ('unpriced', 'missing')
GROUP BY trace_id, received_on
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_bytes_before_external_group_by = 500000000;

ALTER TABLE {database}.trace_log_view MODIFY QUERY
SELECT
    trace_id,
    min(s.start) AS first_start,
    max(s.start) AS last_start,
    max(s.end) AS last_end,
    argMinState(toString(s.name), (s.parent_span_id != '', s.start)) AS name,
    argMinState(toString(s.agent), (s.agent = '', s.start)) AS agent,
    argMinState(s.session, (s.session = '', s.start)) AS session,
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

CREATE OR REPLACE VIEW {database}.trace_summaries AS
SELECT
    trace_id, first_start, last_start, last_end, finalizeAggregation(name) AS name, finalizeAggregation(agent) AS agent,
    finalizeAggregation(session) AS session, agents, teams, models, spans, calls, denied, errors, cost_nano_usd,
    reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd, unpriced_calls
FROM {database}.trace_log;
