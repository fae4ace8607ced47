-- How long calls took, by hour and model, as a histogram: a bucket is a tenth of an octave of milliseconds (7 % wide). A p95 of a
-- month is read from these and not from millions of calls.
CREATE TABLE IF NOT EXISTS {database}.call_duration_log
(
    hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    provider LowCardinality(String),
    model LowCardinality(String),
    bucket Int16,
    received_on Date,
    calls UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((calls))
PARTITION BY toYYYYMM(received_on)
ORDER BY (hour, provider, model, bucket, received_on)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'call_duration_log_view'
TRUNCATE TABLE {database}.call_duration_log;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'call_duration_log_view'
INSERT INTO {database}.call_duration_log
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour, provider, model,
    toInt16(floor(log2(greatest(toUnixTimestamp64Nano(s.end) - toUnixTimestamp64Nano(s.start), 1000) / 1e6) * 10)) AS bucket,
    toDate(received_at) AS received_on, count() AS calls
FROM {database}.span_log AS s
WHERE cost_status != ''
GROUP BY hour, provider, model, bucket, received_on
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_bytes_before_external_group_by = 500000000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.call_duration_log_view TO {database}.call_duration_log AS
SELECT
    toDateTime(toStartOfHour(start), 'UTC') AS hour, provider, model,
    toInt16(floor(log2(greatest(toUnixTimestamp64Nano(s.end) - toUnixTimestamp64Nano(s.start), 1000) / 1e6) * 10)) AS bucket,
    toDate(received_at) AS received_on, count() AS calls
FROM {database}.span_log AS s
WHERE cost_status != ''
GROUP BY hour, provider, model, bucket, received_on;

-- `duration_ms`: the middle of the bucket. A quantile is quantileExactWeighted(0.95)(duration_ms, calls).
CREATE OR REPLACE VIEW {database}.call_durations_by_hour AS
SELECT hour, provider, model, exp2((bucket + 0.5) / 10) AS duration_ms, calls
FROM {database}.call_duration_log;
