-- Spend by hour and by every label of a call, so that "cost by any label over 30 days" reads a few rows for each session
-- and not every span. `labels` is whole; its hash stands for it in the sort key. Sums are of the same integers as in
-- spend_log. A label that is new with every call makes as many rows as there are calls, which is no more than the spans.
CREATE TABLE IF NOT EXISTS {database}.spend_hour_log
(
    hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    agent LowCardinality(String),
    owner LowCardinality(String),
    team LowCardinality(String),
    role LowCardinality(String),
    user String CODEC(ZSTD(1)),
    provider LowCardinality(String),
    model LowCardinality(String),
    session String CODEC(ZSTD(1)),
    workflow String CODEC(ZSTD(1)),
    tool LowCardinality(String),
    budget LowCardinality(String),
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    labels_hash UInt128 CODEC(ZSTD(1)),
    received_on Date,
    calls UInt64 CODEC(T64, ZSTD(1)),
    denied_calls UInt64 CODEC(T64, ZSTD(1)),
    unpriced_calls UInt64 CODEC(T64, ZSTD(1)),
    estimated_calls UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_nano_usd Int64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((calls, denied_calls, unpriced_calls, estimated_calls, input_tokens, output_tokens, cost_nano_usd))
PARTITION BY toYYYYMM(received_on)
ORDER BY (hour, agent, owner, team, role, user, provider, model, session, workflow, tool, budget, labels_hash, received_on)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- What is there already, once: the table is empty until its view fills it, and a copy that was cut off starts again.
-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'spend_hour_log_view'
TRUNCATE TABLE {database}.spend_hour_log;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'spend_hour_log_view'
INSERT INTO {database}.spend_hour_log
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour,
    agent, owner, team, role, user, provider, model, session, workflow, tool, budget,
    any(s.labels) AS labels,
    reinterpretAsUInt128(sipHash128(s.labels)) AS labels_hash,
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
GROUP BY hour, agent, owner, team, role, user, provider, model, session, workflow, tool, budget, labels_hash, received_on
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_bytes_before_external_group_by = 500000000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.spend_hour_log_view TO {database}.spend_hour_log AS
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour,
    agent, owner, team, role, user, provider, model, session, workflow, tool, budget,
    any(s.labels) AS labels,
    reinterpretAsUInt128(sipHash128(s.labels)) AS labels_hash,
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
GROUP BY hour, agent, owner, team, role, user, provider, model, session, workflow, tool, budget, labels_hash, received_on;
