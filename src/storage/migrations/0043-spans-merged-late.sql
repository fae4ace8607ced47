-- Spans and events are merged later (docs/decisions/0067). With 16 (0034), what one second has brought is merged by the fourteen, and
-- what that made again within five minutes; with 128 by the forty, and for the second time after ten to twenty. A merge of one row costs more
-- than half of its insert. The day's partition holds some 33 parts then instead of 21. What is summed as it is merged stays with 16:
-- each of its parts has rows that a reader must add up. A server that does not know the setting goes on as before.
-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.span_log MODIFY SETTING merge_selector_base = 128;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'merge_selector_base'
ALTER TABLE {database}.event_log MODIFY SETTING merge_selector_base = 128;
