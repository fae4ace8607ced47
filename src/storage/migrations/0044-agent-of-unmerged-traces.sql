-- What a trace's rows know of the agent that began it, for who adds rows up that no merge has met yet: of two agents' names the earlier
-- can't be told any more.
CREATE OR REPLACE VIEW {database}.trace_summaries AS
SELECT
    trace_id, first_start, last_start, last_end, finalizeAggregation(t.name) AS name, finalizeAggregation(t.agent) AS agent,
    finalizeAggregation(t.session) AS session, agents, teams, models, spans, calls, denied, errors, cost_nano_usd,
    reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd, unpriced_calls, t.agent AS agent_state
FROM {database}.trace_log AS t;
