/**
 * The query behind `SpanStorage.recentSpans`, for the service to run. Parameters: `since` (Unix ms), `limit`.
 * Newest first so that the limit cuts the oldest; the answer is turned round by the caller.
 */
export const RECENT_SPANS_QUERY = `
SELECT trace_id, span_id, toUnixTimestamp64Milli(received_at) AS received_unix_ms
FROM span_log
WHERE received_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')
ORDER BY received_at DESC
LIMIT {limit:UInt64}`;
