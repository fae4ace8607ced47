-- Prints the statements that fill the roll-ups of one day anew from its spans, for a server that is no cluster and has lost some of their
-- rows. While no processor runs, on a day of which all spans are still there:
--
--     clickhouse-client --database tollgate --param_day=2026-11-20 --queries-file roll-ups-anew.sql > anew.sql
--     clickhouse-client --database tollgate --queries-file anew.sql
--
-- What was cut off half way is run again, the whole of it. A row of trace_log or lease_log may hold several days, so there the traces and leases
-- that have spans of this day are filled in whole.
WITH
    concat('toDate(received_at) = ''', toString({day: Date}), '''') AS of_day,
    multiIf(target = 'trace_log', 'trace_id', target = 'lease_log', 'lease_id', '') AS key,
    concat(key, ' IN (SELECT ', key, ' FROM ', database, '.span_log WHERE ', of_day, ')') AS of_keys,
    multiIf(key != '', of_keys, target = 'audit_link_log', of_day, replaceOne(of_day, 'toDate(received_at)', 'received_on')) AS gone,
    if(key != '', of_keys, of_day) AS theirs
SELECT arrayJoin([
    concat('ALTER TABLE ', database, '.', target, ' DELETE WHERE ', gone, ' SETTINGS mutations_sync = 2;'),
    concat('INSERT INTO ', database, '.', target, ' (', columns, ') ', replaceOne(query, ' WHERE ', concat(' WHERE (', theirs, ') AND ')), ' SETTINGS insert_deduplicate = 0;')
]) AS statement
FROM (
    SELECT
        t.database AS database,
        extract(any(t.create_table_query), ' TO \\w+\\.(\\w+)') AS target,
        any(t.as_select) AS query,
        arrayStringConcat(arraySort((_, position) -> position, groupArray(c.name), groupArray(c.position)), ', ') AS columns
    FROM system.tables AS t
    INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
    WHERE t.database = currentDatabase() AND t.engine = 'MaterializedView' AND endsWith(t.name, '_log_view')
    GROUP BY t.database, t.name
    ORDER BY t.name
)
FORMAT TSVRaw
