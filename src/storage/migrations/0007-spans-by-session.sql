-- Spans sorted so that what belongs together lies together (docs/decisions/0011): an agent's hour, in it a session, in it a
-- trace. A bloom filter over ids then holds one entry a trace and a granule instead of one a span.
-- `duration_ns` follows from start and end and is not stored; a block may carry it, as before.
-- Maps have no codec of their own: they are written with the engine's fast default, and recompressed when they are a day old
-- (the table's TTL). All else as in 0001. The rows are copied; every step bears to be run again after a kill in its midst.
-- The steps are guarded: once span_log has the new sort key, nothing is left to do.

-- A cluster starts with the empty table of 0001: it is made anew, not copied.
-- in a cluster only
-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'span_log_local' AND position(sorting_key, 'session') = 0
DROP TABLE IF EXISTS {database}.span_log_local;

-- in a cluster only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'span_log_local'
DROP TABLE IF EXISTS {database}.span_log;

-- in a cluster: as span_log
-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'span_log' AND position(sorting_key, 'session') = 0
CREATE TABLE IF NOT EXISTS {database}.span_log_0007
(
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(3)),
    parent_span_id String CODEC(ZSTD(3)),
    trace_state String CODEC(ZSTD(1)),
    name LowCardinality(String) CODEC(ZSTD(1)),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    start DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    end DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_ns UInt64 ALIAS toUInt64(least(greatest(toUnixTimestamp64Nano(end) - toUnixTimestamp64Nano(start), 0), 9007199254740991)),
    status LowCardinality(String) CODEC(ZSTD(1)),
    status_message String CODEC(ZSTD(1)),
    service LowCardinality(String) CODEC(ZSTD(1)),
    scope LowCardinality(String) CODEC(ZSTD(1)),
    agent LowCardinality(String) CODEC(ZSTD(1)),
    agent_verified Bool CODEC(ZSTD(1)),
    owner LowCardinality(String) CODEC(ZSTD(1)),
    team LowCardinality(String) CODEC(ZSTD(1)),
    role LowCardinality(String) CODEC(ZSTD(1)),
    session String CODEC(ZSTD(1)),
    workflow String CODEC(ZSTD(1)),
    user String CODEC(ZSTD(1)),
    operation LowCardinality(String) CODEC(ZSTD(1)),
    provider LowCardinality(String) CODEC(ZSTD(1)),
    request_model LowCardinality(String) CODEC(ZSTD(1)),
    model LowCardinality(String) CODEC(ZSTD(1)),
    tool LowCardinality(String) CODEC(ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_read_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_nano_usd Int64 CODEC(T64, ZSTD(1)),
    cost_status LowCardinality(String) CODEC(ZSTD(1)),
    price_version LowCardinality(String) CODEC(ZSTD(1)),
    decision LowCardinality(String) CODEC(ZSTD(1)),
    decision_rule LowCardinality(String) CODEC(ZSTD(1)),
    decision_reason String CODEC(ZSTD(1)),
    policy LowCardinality(String) CODEC(ZSTD(1)),
    budget LowCardinality(String) CODEC(ZSTD(1)),
    lease_id String CODEC(ZSTD(1)),
    data_label LowCardinality(String) CODEC(ZSTD(1)),
    labels Map(LowCardinality(String), String),
    attributes Map(LowCardinality(String), String),
    resource_attributes Map(LowCardinality(String), String),
    event_times Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    event_names Array(LowCardinality(String)) CODEC(ZSTD(1)),
    event_attributes Array(Map(LowCardinality(String), String)),
    link_trace_ids Array(String) CODEC(ZSTD(1)),
    link_span_ids Array(String) CODEC(ZSTD(1)),
    link_trace_states Array(String) CODEC(ZSTD(1)),
    link_attributes Array(Map(LowCardinality(String), String)),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX session_bloom session TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX start_minmax start TYPE minmax GRANULARITY 1,
    INDEX received_minmax received_at TYPE minmax GRANULARITY 1,
    INDEX decision_set decision TYPE set(8) GRANULARITY 1,
    INDEX attribute_keys mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX attribute_values mapValues(attributes) TYPE bloom_filter(0.025) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(start BETWEEN received_at - INTERVAL 7 DAY AND received_at + INTERVAL 1 DAY, toDate(start), toDate(received_at))
ORDER BY (agent, toStartOfHour(start), session, trace_id, start)
TTL toDateTime(received_at) + INTERVAL 1 DAY RECOMPRESS CODEC(ZSTD(6))
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- single server only
-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'span_log' AND position(sorting_key, 'session') = 0
TRUNCATE TABLE {database}.span_log_0007;

-- single server only
-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'span_log' AND position(sorting_key, 'session') = 0
INSERT INTO {database}.span_log_0007
(
    trace_id, span_id, parent_span_id, trace_state, name, kind, start, end, status, status_message, service, scope,
    agent, agent_verified, owner, team, role, session, workflow, user, operation, provider, request_model, model,
    tool, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano_usd,
    cost_status, price_version, decision, decision_rule, decision_reason, policy, budget, lease_id, data_label,
    labels, attributes, resource_attributes, event_times, event_names, event_attributes, link_trace_ids,
    link_span_ids, link_trace_states, link_attributes, received_at
)
SELECT
    trace_id, span_id, parent_span_id, trace_state, name, kind, start, end, status, status_message, service, scope,
    agent, agent_verified, owner, team, role, session, workflow, user, operation, provider, request_model, model,
    tool, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nano_usd,
    cost_status, price_version, decision, decision_rule, decision_reason, policy, budget, lease_id, data_label,
    labels, attributes, resource_attributes, event_times, event_names, event_attributes, link_trace_ids,
    link_span_ids, link_trace_states, link_attributes, received_at
FROM {database}.span_log
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_insert_threads = 1;

-- single server only
-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'span_log' AND position(sorting_key, 'session') = 0
RENAME TABLE {database}.span_log TO {database}.span_log_0001, {database}.span_log_0007 TO {database}.span_log;

-- single server only
DROP TABLE IF EXISTS {database}.span_log_0001;

-- A view goes on watching the table that it was made over, whatever that is called since: it is made anew over the new one.
DROP VIEW IF EXISTS {database}.spend_log_view;

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
