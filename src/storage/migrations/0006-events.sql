-- Log records: GenAI events that travel as logs, and whatever else is sent as one. Keyed, partitioned, deduplicated and synced
-- as spans are, for the reasons given in 0001 and 0005. `time` is when it happened, else when it was first seen, else when it
-- arrived. `id` is made here, as OTLP has none: it knows a record again that was sent twice.
CREATE TABLE IF NOT EXISTS {database}.event_log
(
    id String CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    observed_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    severity_number UInt8 CODEC(ZSTD(1)),
    severity_text LowCardinality(String) CODEC(ZSTD(1)),
    event_name LowCardinality(String) CODEC(ZSTD(1)),
    body String CODEC(ZSTD(1)),
    service LowCardinality(String) CODEC(ZSTD(1)),
    scope LowCardinality(String) CODEC(ZSTD(1)),
    agent LowCardinality(String) CODEC(ZSTD(1)),
    agent_verified Bool CODEC(ZSTD(1)),
    session String CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX session_bloom session TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX time_minmax time TYPE minmax GRANULARITY 1,
    INDEX received_minmax received_at TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(time BETWEEN received_at - INTERVAL 7 DAY AND received_at + INTERVAL 1 DAY, toDate(time), toDate(received_at))
ORDER BY (agent, toDateTime(time), trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW {database}.events AS
SELECT * FROM {database}.event_log;
