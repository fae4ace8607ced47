-- Signed checkpoints of the audit log (docs/audit.md), as the processors published them. A row that is published again after a
-- crash is the same row.
CREATE TABLE IF NOT EXISTS {database}.audit_checkpoint_log
(
    log String CODEC(ZSTD(1)),
    number UInt64 CODEC(Delta(8), ZSTD(1)),
    size UInt64 CODEC(Delta(8), ZSTD(1)),
    root String CODEC(ZSTD(1)),
    time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    previous String CODEC(ZSTD(1)),
    key LowCardinality(String),
    signature String CODEC(ZSTD(1)),
    chains UInt32 CODEC(T64, ZSTD(1)),
    leaves String CODEC(ZSTD(1)),
    frontier Array(String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (log, number)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW {database}.audit_checkpoints AS
SELECT log, number, time, size, root, previous, key, signature, chains, leaves, frontier
FROM {database}.audit_checkpoint_log;
