-- Fewer merges (docs/decisions/0034). An insert each second makes a small part in each table, and the engine merges any five parts
-- of about one size: a part of a roll-up is so small that each merge takes all that is there along. With sixteen, a row is merged
-- half as often; a partition then holds some twenty parts at most instead of ten. A server that does not know the setting goes on
-- as before.
-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.span_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.event_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.spend_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.spend_hour_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.trace_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.settled_minute_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.lease_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.refusal_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.decision_hour_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.call_duration_log MODIFY SETTING merge_selector_base = 16;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.audit_link_log MODIFY SETTING merge_selector_base = 16;
