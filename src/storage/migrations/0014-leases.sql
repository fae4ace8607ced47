-- What the spans of each lease have shown of it: a ledger that lost its journal counts of a lease that reports again only
-- what this has not.
CREATE TABLE IF NOT EXISTS {database}.lease_log
(
    lease_id String CODEC(ZSTD(1)),
    labels SimpleAggregateFunction(any, Map(String, String)) CODEC(ZSTD(1)),
    calls SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    tokens SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    cost_nano_usd SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    last_received SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    received_on SimpleAggregateFunction(min, Date)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(received_on)
ORDER BY lease_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'lease_log_view'
TRUNCATE TABLE {database}.lease_log;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'lease_log_view'
INSERT INTO {database}.lease_log
SELECT
    lease_id,
    labels,
    count() AS calls,
    sum(s.input_tokens + s.output_tokens) AS tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd,
    max(s.received_at) AS last_received,
    toDate(received_at) AS received_on
FROM {database}.span_log AS s
WHERE lease_id != '' AND cost_status != '' AND (decision IN ('', 'allow') OR s.cost_nano_usd != 0 OR s.input_tokens + s.output_tokens > 0)
GROUP BY lease_id, labels, received_on
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_bytes_before_external_group_by = 500000000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.lease_log_view TO {database}.lease_log AS
SELECT
    lease_id,
    labels,
    count() AS calls,
    sum(s.input_tokens + s.output_tokens) AS tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd,
    max(s.received_at) AS last_received,
    toDate(received_at) AS received_on
FROM {database}.span_log AS s
WHERE lease_id != '' AND cost_status != '' AND (decision IN ('', 'allow') OR s.cost_nano_usd != 0 OR s.input_tokens + s.output_tokens > 0)
GROUP BY lease_id, labels, received_on;
