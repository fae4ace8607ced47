-- One row a trace, folded as its spans arrive: where a trace lies in time, so that one id reads one day's partition, and
-- what `tollgate traces` shows of it, so that neither that nor the dearest traces of a month look at its spans. The name is
-- the root's, or the earliest span's; agent and session are the earliest that is known.
CREATE TABLE IF NOT EXISTS {database}.trace_log
(
    trace_id String CODEC(ZSTD(1)),
    first_start SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    last_start SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    last_end SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    name AggregateFunction(argMin, String, Tuple(Bool, DateTime64(9, 'UTC'))) CODEC(ZSTD(1)),
    agent AggregateFunction(argMin, String, Tuple(Bool, DateTime64(9, 'UTC'))) CODEC(ZSTD(1)),
    session AggregateFunction(argMin, String, Tuple(Bool, DateTime64(9, 'UTC'))) CODEC(ZSTD(1)),
    agents SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
    teams SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
    models SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
    spans SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    denied SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    errors SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    cost_nano_usd SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    received_on SimpleAggregateFunction(min, Date)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(received_on)
ORDER BY trace_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'trace_log_view'
TRUNCATE TABLE {database}.trace_log;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'trace_log_view'
INSERT INTO {database}.trace_log
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
    toDate(s.received_at) AS received_on
FROM {database}.span_log AS s
GROUP BY trace_id, received_on
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_bytes_before_external_group_by = 500000000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.trace_log_view TO {database}.trace_log AS
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
    toDate(s.received_at) AS received_on
FROM {database}.span_log AS s
GROUP BY trace_id, received_on;
