-- Spend as the ledger counts it, by minute and by every label: what a lease covered by the end of the call, when it is reported;
-- what none covered by its arrival, when it is metered. Budgets are compared with this, and rebuilt from it. A clock that is
-- plainly wrong is not believed. Which calls count is what the meter says (src/processors/meter): all that were made.
CREATE TABLE IF NOT EXISTS {database}.settled_minute_log
(
    minute DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    leased Bool,
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    labels_hash UInt128 CODEC(ZSTD(1)),
    received_on Date,
    calls UInt64 CODEC(T64, ZSTD(1)),
    tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_nano_usd Int64 CODEC(T64, ZSTD(1)),
    unpriced_calls UInt64 CODEC(T64, ZSTD(1)),
    unpriced_tokens UInt64 CODEC(T64, ZSTD(1)),
    repriced_nano_usd Int64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((calls, tokens, cost_nano_usd, unpriced_calls, unpriced_tokens, repriced_nano_usd))
PARTITION BY toYYYYMM(received_on)
ORDER BY (minute, leased, labels_hash, received_on)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'settled_minute_log_view'
TRUNCATE TABLE {database}.settled_minute_log;

-- single server only
-- only if: SELECT count() = 0 FROM system.tables WHERE database = '{database}' AND name = 'settled_minute_log_view'
INSERT INTO {database}.settled_minute_log
SELECT
    toDateTime(toStartOfMinute(if(lease_id != '' AND end BETWEEN received_at - INTERVAL 7 DAY AND received_at + INTERVAL 1 MINUTE, toDateTime64(end, 3, 'UTC'), received_at)), 'UTC') AS minute,
    lease_id != '' AS leased,
    labels,
    reinterpretAsUInt128(sipHash128(labels)) AS labels_hash,
    toDate(received_at) AS received_on,
    count() AS calls,
    sum(s.input_tokens + s.output_tokens) AS tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd,
    countIf(cost_status IN ('unpriced', 'missing')) AS unpriced_calls,
    sumIf(s.input_tokens + s.output_tokens, cost_status IN ('unpriced', 'missing')) AS unpriced_tokens,
    sum(if(mapContains(attributes, 'tollgate.cost.repriced_nano_usd'), toInt64OrZero(attributes['tollgate.cost.repriced_nano_usd']) - s.cost_nano_usd, 0)) AS repriced_nano_usd
FROM {database}.span_log AS s
WHERE cost_status != '' AND (decision IN ('', 'allow') OR s.cost_nano_usd != 0 OR s.input_tokens + s.output_tokens > 0)
GROUP BY minute, leased, labels, received_on
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0, max_bytes_before_external_group_by = 500000000;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.settled_minute_log_view TO {database}.settled_minute_log AS
SELECT
    toDateTime(toStartOfMinute(if(lease_id != '' AND end BETWEEN received_at - INTERVAL 7 DAY AND received_at + INTERVAL 1 MINUTE, toDateTime64(end, 3, 'UTC'), received_at)), 'UTC') AS minute,
    lease_id != '' AS leased,
    labels,
    reinterpretAsUInt128(sipHash128(labels)) AS labels_hash,
    toDate(received_at) AS received_on,
    count() AS calls,
    sum(s.input_tokens + s.output_tokens) AS tokens,
    sum(s.cost_nano_usd) AS cost_nano_usd,
    countIf(cost_status IN ('unpriced', 'missing')) AS unpriced_calls,
    sumIf(s.input_tokens + s.output_tokens, cost_status IN ('unpriced', 'missing')) AS unpriced_tokens,
    sum(if(mapContains(attributes, 'tollgate.cost.repriced_nano_usd'), toInt64OrZero(attributes['tollgate.cost.repriced_nano_usd']) - s.cost_nano_usd, 0)) AS repriced_nano_usd
FROM {database}.span_log AS s
WHERE cost_status != '' AND (decision IN ('', 'allow') OR s.cost_nano_usd != 0 OR s.input_tokens + s.output_tokens > 0)
GROUP BY minute, leased, labels, received_on;
