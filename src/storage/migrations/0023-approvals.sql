-- Requests for approval, each as often as it changed: the newest revision counts. No arguments, only their digests: what a call
-- would have done is content. Written by the service, again after a restart, so the same revision may come more than once.
CREATE TABLE IF NOT EXISTS {database}.approval_log
(
    id String,
    revision UInt32,
    kind LowCardinality(String),
    state LowCardinality(String),
    agent LowCardinality(String),
    session String,
    user String,
    tool LowCardinality(String),
    arguments_digest String,
    edited_digest String,
    act_digest String,
    policy LowCardinality(String),
    policy_version LowCardinality(String),
    rule LowCardinality(String),
    reason String,
    quorum UInt8,
    answered_by Array(String),
    answers Array(String),
    comment String,
    bypass String,
    asked_at DateTime64(3, 'UTC'),
    expires_at DateTime64(3, 'UTC'),
    answered_at Nullable(DateTime64(3, 'UTC')),
    used_at Nullable(DateTime64(3, 'UTC')),
    escalated_at Nullable(DateTime64(3, 'UTC'))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(asked_at)
ORDER BY (asked_at, id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

-- `state` as it is now: a question that nobody answered, or an approval that nobody used, in time is `expired` without anybody writing that down.
CREATE OR REPLACE VIEW {database}.approvals AS
SELECT
    id, kind,
    if(state IN ('pending', 'approved') AND now64(3) >= expires_at, 'expired', state) AS state,
    agent, session, user, tool, arguments_digest, edited_digest, act_digest, policy, policy_version, rule, reason, quorum,
    answered_by, answers, comment, bypass, asked_at, expires_at, answered_at, used_at, escalated_at,
    dateDiff('millisecond', asked_at, answered_at) AS answer_ms
FROM {database}.approval_log FINAL;

-- Who changed what governs the fleet. `before` and `after` as JSON; nothing in them opens anything.
CREATE TABLE IF NOT EXISTS {database}.change_log
(
    id String,
    seq UInt64,
    at DateTime64(3, 'UTC'),
    author LowCardinality(String),
    action LowCardinality(String),
    subject String,
    before String CODEC(ZSTD(1)),
    after String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, seq, id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW {database}.changes AS
SELECT at, author, action, subject, before, after, seq, id
FROM {database}.change_log FINAL;
