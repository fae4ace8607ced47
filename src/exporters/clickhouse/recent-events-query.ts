/** The query behind `EventStorage.recentEvents`, for the service to run. Parameters: `since`, `until` (Unix ms), `limit`; newest first. */
export const RECENT_EVENTS_QUERY = `
SELECT id
FROM event_log
WHERE received_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    AND received_at <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')
ORDER BY received_at DESC
LIMIT {limit:UInt64}`;
