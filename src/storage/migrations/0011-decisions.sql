-- Refusals one by one (there are few of them, and they are what is asked for first), and all decisions counted by hour and
-- rule: both without a look at the spans.
CREATE TABLE IF NOT EXISTS {database}.refusal_log
(
    start DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    agent LowCardinality(String),
    team LowCardinality(String),
    role LowCardinality(String),
    session String CODEC(ZSTD(1)),
    user String CODEC(ZSTD(1)),
    tool LowCardinality(String),
    model LowCardinality(String),
    decision LowCardinality(String),
    decision_rule LowCardinality(String),
    decision_reason String CODEC(ZSTD(1)),
    policy LowCardinality(String),
    budget LowCardinality(String),
    data_label LowCardinality(String),
    received_on Date
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_on)
ORDER BY (start, agent)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'refusal_log_view'
TRUNCATE TABLE {database}.refusal_log;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'refusal_log_view'
INSERT INTO {database}.refusal_log
SELECT
    start, trace_id, span_id, agent, team, role, session, user, tool, model, decision, decision_rule, decision_reason,
    policy, budget, data_label, toDate(received_at) AS received_on
FROM {database}.span_log AS s
WHERE decision IN ('deny', 'forbid', 'require_approval')
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_bytes_before_external_group_by = 500000000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.refusal_log_view TO {database}.refusal_log AS
SELECT
    start, trace_id, span_id, agent, team, role, session, user, tool, model, decision, decision_rule, decision_reason,
    policy, budget, data_label, toDate(received_at) AS received_on
FROM {database}.span_log AS s
WHERE decision IN ('deny', 'forbid', 'require_approval');

CREATE TABLE IF NOT EXISTS {database}.decision_hour_log
(
    hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    agent LowCardinality(String),
    team LowCardinality(String),
    role LowCardinality(String),
    tool LowCardinality(String),
    decision LowCardinality(String),
    decision_rule LowCardinality(String),
    policy LowCardinality(String),
    budget LowCardinality(String),
    received_on Date,
    decisions UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((decisions))
PARTITION BY toYYYYMM(received_on)
ORDER BY (hour, agent, team, role, tool, decision, decision_rule, policy, budget, received_on)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'decision_hour_log_view'
TRUNCATE TABLE {database}.decision_hour_log;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'decision_hour_log_view'
INSERT INTO {database}.decision_hour_log
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour, agent, team, role, tool, decision, decision_rule, policy, budget,
    toDate(received_at) AS received_on, count() AS decisions
FROM {database}.span_log AS s
WHERE decision != ''
GROUP BY hour, agent, team, role, tool, decision, decision_rule, policy, budget, received_on
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_bytes_before_external_group_by = 500000000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.decision_hour_log_view TO {database}.decision_hour_log AS
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour, agent, team, role, tool, decision, decision_rule, policy, budget,
    toDate(received_at) AS received_on, count() AS decisions
FROM {database}.span_log AS s
WHERE decision != ''
GROUP BY hour, agent, team, role, tool, decision, decision_rule, policy, budget, received_on;

CREATE OR REPLACE VIEW {database}.refusals AS
SELECT
    start, trace_id, span_id, agent, team, role, session, user, tool, model, decision, decision_rule, decision_reason, policy,
    budget, data_label
FROM {database}.refusal_log;

-- Sum `decisions`: rows of one key may come more than once.
CREATE OR REPLACE VIEW {database}.decisions_by_hour AS
SELECT hour, agent, team, role, tool, decision, decision_rule, policy, budget, decisions
FROM {database}.decision_hour_log;
