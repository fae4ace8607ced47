-- spend_by_minute no longer folds rows of one key itself: whoever reads it sums, and summing twice cost two thirds of a
-- panel's time. Rows of one key may come more than once until the engine has merged them; their sums are the same.
CREATE OR REPLACE VIEW {database}.spend_by_minute AS
SELECT
    minute, agent, owner, team, role, user, provider, model,
    calls, denied_calls, unpriced_calls, estimated_calls, input_tokens, output_tokens, cost_nano_usd,
    reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.spend_log;

-- The same by hour and by every label: for ranges of days.
CREATE OR REPLACE VIEW {database}.spend_by_hour AS
SELECT
    hour, agent, owner, team, role, user, provider, model, session, workflow, tool, budget, labels,
    calls, denied_calls, unpriced_calls, estimated_calls, input_tokens, output_tokens, cost_nano_usd,
    reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.spend_hour_log;

-- One row for each trace and block of spans until the engine has merged them: sum, min and max by trace_id.
CREATE OR REPLACE VIEW {database}.trace_summaries AS
SELECT
    trace_id, first_start, last_start, last_end, finalizeAggregation(name) AS name, finalizeAggregation(agent) AS agent,
    finalizeAggregation(session) AS session, agents, teams, models, spans, calls, denied, errors, cost_nano_usd,
    reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.trace_log;

-- The engine remembers the columns of a view: these are over the new table, where duration_ns is not stored.
CREATE OR REPLACE VIEW {database}.spans AS
SELECT *, duration_ns, reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.span_log;

CREATE OR REPLACE VIEW {database}.llm_calls AS
SELECT *, duration_ns, reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.span_log
WHERE cost_status != '';
