-- The links of audit chains (docs/audit.md), one row for each record as it was stored. They outlive the spans: when
-- retention or redaction has taken a record's content, its hash stays, and the chain can still be followed.
CREATE TABLE IF NOT EXISTS {database}.audit_link_log
(
    chain String CODEC(ZSTD(1)),
    seq UInt64 CODEC(Delta(8), ZSTD(1)),
    hash String CODEC(ZSTD(1)),
    prev String CODEC(ZSTD(1)),
    closed Bool,
    agent LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    end DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX end_minmax end TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (chain, seq)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.audit_link_log_view TO {database}.audit_link_log AS
SELECT
    attributes['tollgate.audit.chain'] AS chain,
    toUInt64OrZero(attributes['tollgate.audit.seq']) AS seq,
    attributes['tollgate.audit.hash'] AS hash,
    attributes['tollgate.audit.prev'] AS prev,
    attributes['tollgate.audit.closed'] = 'true' AS closed,
    agent,
    trace_id,
    span_id,
    end,
    received_at
FROM {database}.span_log AS s
WHERE mapContains(attributes, 'tollgate.audit.hash');

CREATE OR REPLACE VIEW {database}.audit_links AS
SELECT chain, seq, hash, prev, closed, agent, trace_id, span_id, end, received_at
FROM {database}.audit_link_log;

-- A closing link is no act of an agent: it says that its process ended. It is an audit link and no span to count.
CREATE OR REPLACE VIEW {database}.spans AS
SELECT *, duration_ns, reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.span_log
WHERE name != 'audit close';
