-- What an insert costs the engine (docs/decisions/0011). A wide part is some 300 files for these columns: what an insert writes
-- is compact, what merges make of it is wide again.
ALTER TABLE {database}.span_log MODIFY SETTING min_bytes_for_wide_part = 134217728;

ALTER TABLE {database}.event_log MODIFY SETTING min_bytes_for_wide_part = 134217728;

-- `any` of a map keeps a column of its own for each group; as a key the map is bytes like any other.
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
WHERE cost_status != ''
GROUP BY hour, agent, owner, team, role, user, provider, model, session, workflow, tool, budget, labels, received_on;
