-- trace_log in steps of 512 rows, not 8,192 (docs/decisions/0040): fifty traces are fifty places in it, and in each place the name,
-- agent and session of every row of the step are made to read one. Only while the table is empty: a new one knows none of the
-- blocks that the old one has seen, and a block whose answer was lost would count twice in it. A server that does not know the
-- last setting goes on without.
-- single server only
-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'trace_log' AND total_rows = 0 AND position(engine_full, 'index_granularity = 512') = 0
DROP VIEW IF EXISTS {database}.trace_log_view;

-- single server only
-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'trace_log' AND total_rows = 0 AND position(engine_full, 'index_granularity = 512') = 0
DROP TABLE IF EXISTS {database}.trace_log;

-- single server only
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
    received_on SimpleAggregateFunction(min, Date),
    unpriced_calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(received_on)
ORDER BY trace_id
SETTINGS index_granularity = 512, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- single server only
-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.trace_log MODIFY SETTING merge_selector_base = 16;

-- single server only
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
    toDate(s.received_at) AS received_on,
    countIf(s.cost_status IN ('unpriced', 'missing')) AS unpriced_calls
FROM {database}.span_log AS s
GROUP BY trace_id, received_on;
