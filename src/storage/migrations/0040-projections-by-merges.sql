-- The projections of 0037 and 0039 are made by merges, not by each insert, where the server can: nine files a projection and insert
-- were a twelfth of what an insert costs. A part without them is read as it is, and is small: the next merge makes them.
-- only if: SELECT count() = 2 FROM system.merge_tree_settings WHERE name IN ('materialize_projections_on_insert', 'materialize_projections_on_merge')
ALTER TABLE {database}.spend_hour_log MODIFY SETTING materialize_projections_on_insert = 0, materialize_projections_on_merge = 1;

-- only if: SELECT count() = 2 FROM system.merge_tree_settings WHERE name IN ('materialize_projections_on_insert', 'materialize_projections_on_merge')
ALTER TABLE {database}.decision_hour_log MODIFY SETTING materialize_projections_on_insert = 0, materialize_projections_on_merge = 1;
