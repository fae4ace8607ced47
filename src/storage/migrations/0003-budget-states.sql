-- What the ledger says of each budget, written by the service whenever it changes. Amounts are in the budget's measure.
CREATE TABLE IF NOT EXISTS {database}.budget_states
(
    ts DateTime64(3, 'UTC'),
    name LowCardinality(String),
    scope String,
    measure LowCardinality(String),
    mode LowCardinality(String),
    window_start DateTime64(3, 'UTC'),
    limit_value Int64,
    settled Int64,
    reserved Int64,
    remaining Int64,
    state LowCardinality(String)
)
ENGINE = ReplacingMergeTree(ts)
PARTITION BY toYYYYMM(window_start)
ORDER BY (name, scope, window_start)
SETTINGS non_replicated_deduplication_window = 1000;
