-- How far the acts of some agents went since then: where to, and the most records that one was about. Of tools, and of requests of a
-- process itself (under the empty tool), which tell their host. Model calls, which are the most, are not read.
SELECT
    agent,
    tool,
    arraySort(groupUniqArrayArray(100)(multiIf(
        tool = '', [attributes['server.address']],
        startsWith(attributes['tollgate.tool.destinations'], '['), JSONExtract(attributes['tollgate.tool.destinations'], 'Array(String)'),
        attributes['tollgate.tool.destinations'] != '', [attributes['tollgate.tool.destinations']],
        []
    ))) AS destinations,
    toString(max(toUInt64OrZero(attributes['tollgate.tool.records']))) AS records
FROM span_log
WHERE agent IN {agents: Array(String)} AND decision NOT IN ('', 'deny', 'forbid', 'require_approval')
    AND start >= fromUnixTimestamp64Milli({since_ms: Int64}, 'UTC')
    AND (tool != '' OR (operation = '' AND cost_status = '' AND attributes['http.request.method'] != ''))
GROUP BY agent, tool
ORDER BY agent, tool
LIMIT {limit: UInt32}
SETTINGS max_execution_time = 30, max_memory_usage = 1500000000, max_result_rows = 20000, result_overflow_mode = 'throw'
