-- Spend of whole days, as a projection of the hours (docs/decisions/0047): what a month cost by team is read from some twenty
-- thousand rows and not from every session's hours. A projection is written with the part that it belongs to and goes with it,
-- so there is nothing of its own to deduplicate, to retain or to reconcile, and what is there already gets it without a copy.
-- Without the labels that have a column: they are other with each session and model, and by them is asked by their column.
-- What a projection may be asked is said word by word in src/storage/queries/spend.sql and label-values.ts. A server that does not
-- know the setting goes on without: the hours are read then.
-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'deduplicate_merge_projection_mode'
ALTER TABLE {database}.spend_hour_log MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'deduplicate_merge_projection_mode'
ALTER TABLE {database}.spend_hour_log ADD PROJECTION IF NOT EXISTS by_day
(
    SELECT
        toDate(hour), agent, owner, team, role, provider, model, tool, budget,
        sum(calls), sum(unpriced_calls), sum(input_tokens), sum(output_tokens), sum(cost_nano_usd)
    GROUP BY toDate(hour), agent, owner, team, role, provider, model, tool, budget
);

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'deduplicate_merge_projection_mode'
ALTER TABLE {database}.spend_hour_log ADD PROJECTION IF NOT EXISTS by_day_and_labels
(
    SELECT
        toDate(hour),
        mapUpdate(labels, map('agent', '', 'owner', '', 'team', '', 'role', '', 'session', '', 'workflow', '', 'user', '', 'provider', '', 'model', '', 'tool', '')),
        sum(calls), sum(unpriced_calls), sum(input_tokens), sum(output_tokens), sum(cost_nano_usd)
    GROUP BY
        toDate(hour),
        mapUpdate(labels, map('agent', '', 'owner', '', 'team', '', 'role', '', 'session', '', 'workflow', '', 'user', '', 'provider', '', 'model', '', 'tool', ''))
);

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'deduplicate_merge_projection_mode'
ALTER TABLE {database}.spend_hour_log MATERIALIZE PROJECTION by_day SETTINGS mutations_sync = 2;

-- only if: SELECT count() FROM system.merge_tree_settings WHERE name = 'deduplicate_merge_projection_mode'
ALTER TABLE {database}.spend_hour_log MATERIALIZE PROJECTION by_day_and_labels SETTINGS mutations_sync = 2;
