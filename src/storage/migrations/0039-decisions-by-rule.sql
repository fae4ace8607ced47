-- Decisions by rule without who decided on what, as a projection of the hours, for the reasons of 0037: which rule held how often
-- in a month is a question about rules, and there are as many of them however many agents ask.
-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'deduplicate_merge_projection_mode'
ALTER TABLE {database}.decision_hour_log MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'deduplicate_merge_projection_mode'
ALTER TABLE {database}.decision_hour_log ADD PROJECTION IF NOT EXISTS by_rule
(
    SELECT hour, decision, decision_rule, policy, sum(decisions)
    GROUP BY hour, decision, decision_rule, policy
);

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'deduplicate_merge_projection_mode'
ALTER TABLE {database}.decision_hour_log MATERIALIZE PROJECTION by_rule SETTINGS mutations_sync = 2;
