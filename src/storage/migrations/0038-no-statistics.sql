-- No statistics of columns (docs/decisions/0047). The engine makes them of every column at each merge, to choose the order of joins
-- and of conditions; nothing here joins, and a look-up of a trace opened 42 files more for them in each part that it had not read.
-- A server that does not make them by itself goes on as before.
-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.span_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.event_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.spend_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.spend_hour_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.trace_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.settled_minute_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.lease_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.refusal_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.decision_hour_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.call_duration_log MODIFY SETTING auto_statistics_types = '';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'auto_statistics_types'
ALTER TABLE {database}.audit_link_log MODIFY SETTING auto_statistics_types = '';
