-- Spend by minute of the call's start, summed as the spans arrive. Partitions follow the day of arrival for the reason
-- given in 0001. `calls` are those that were made: a denied call has a span, but is counted apart.
CREATE TABLE IF NOT EXISTS {database}.spend_log
(
    minute DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    agent LowCardinality(String),
    owner LowCardinality(String),
    team LowCardinality(String),
    role LowCardinality(String),
    user String,
    provider LowCardinality(String),
    model LowCardinality(String),
    received_on Date,
    calls UInt64,
    denied_calls UInt64,
    unpriced_calls UInt64,
    estimated_calls UInt64,
    input_tokens UInt64,
    output_tokens UInt64,
    cost_nano_usd Int64
)
ENGINE = SummingMergeTree((calls, denied_calls, unpriced_calls, estimated_calls, input_tokens, output_tokens, cost_nano_usd))
PARTITION BY toYYYYMM(received_on)
ORDER BY (minute, agent, owner, team, role, user, provider, model, received_on)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.spend_log_view TO {database}.spend_log AS
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
WHERE cost_status != ''
GROUP BY minute, agent, owner, team, role, user, provider, model, received_on;
