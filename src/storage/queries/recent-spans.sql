-- The identities of the spans that were received after `since` and up to `until` (Unix ms), the newest `limit` of them. Some
-- thousands to a row, 24 bytes each in base64: there may be millions.
SELECT base64Encode(arrayStringConcat(groupArray(identity))) AS identities
FROM
(
    SELECT unhex(concat(trace_id, span_id)) AS identity, rowNumberInAllBlocks() AS number
    FROM span_log
    WHERE received_at > fromUnixTimestamp64Milli({since: Int64}, 'UTC')
        AND received_at <= fromUnixTimestamp64Milli({until: Int64}, 'UTC')
    ORDER BY received_at DESC
    LIMIT {limit: UInt64}
)
GROUP BY intDiv(number, 8192)
LIMIT {rows: UInt32}
SETTINGS max_execution_time = 110, max_memory_usage = 2000000000, max_result_rows = 20000, result_overflow_mode = 'throw'
