-- Spend by half hours, as projections of the minutes, for the reasons of 0037 and made by merges as in 0040 (docs/decisions/0066): what
-- agents and models cost over a month is read from some hundred thousand rows and not from every user's minutes.
-- What they may be asked is said word by word in dashboards/llm-cost-queries.ts.
-- only if: SELECT count() = 3 FROM system.merge_tree_settings WHERE name IN ('deduplicate_merge_projection_mode', 'materialize_projections_on_insert', 'materialize_projections_on_merge')
ALTER TABLE {database}.spend_log MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', materialize_projections_on_insert = 0, materialize_projections_on_merge = 1;

-- only if: SELECT count() = 3 FROM system.merge_tree_settings WHERE name IN ('deduplicate_merge_projection_mode', 'materialize_projections_on_insert', 'materialize_projections_on_merge')
ALTER TABLE {database}.spend_log ADD PROJECTION IF NOT EXISTS by_half_hour_and_agent
(
    SELECT
        toStartOfInterval(minute, toIntervalMinute(30)), agent, team,
        sum(input_tokens), sum(output_tokens), sum(cost_nano_usd)
    GROUP BY toStartOfInterval(minute, toIntervalMinute(30)), agent, team
);

-- only if: SELECT count() = 3 FROM system.merge_tree_settings WHERE name IN ('deduplicate_merge_projection_mode', 'materialize_projections_on_insert', 'materialize_projections_on_merge')
ALTER TABLE {database}.spend_log ADD PROJECTION IF NOT EXISTS by_half_hour_and_model
(
    SELECT
        toStartOfInterval(minute, toIntervalMinute(30)), model,
        sum(input_tokens), sum(output_tokens), sum(cost_nano_usd)
    GROUP BY toStartOfInterval(minute, toIntervalMinute(30)), model
);

-- only if: SELECT count() = 3 FROM system.merge_tree_settings WHERE name IN ('deduplicate_merge_projection_mode', 'materialize_projections_on_insert', 'materialize_projections_on_merge')
ALTER TABLE {database}.spend_log MATERIALIZE PROJECTION by_half_hour_and_agent SETTINGS mutations_sync = 2;

-- only if: SELECT count() = 3 FROM system.merge_tree_settings WHERE name IN ('deduplicate_merge_projection_mode', 'materialize_projections_on_insert', 'materialize_projections_on_merge')
ALTER TABLE {database}.spend_log MATERIALIZE PROJECTION by_half_hour_and_model SETTINGS mutations_sync = 2;
