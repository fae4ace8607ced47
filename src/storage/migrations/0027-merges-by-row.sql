-- 0025 taken back: with the merges that follow inserts, column by column costs as much or more (docs/decisions/0026).
ALTER TABLE {database}.span_log RESET SETTING vertical_merge_algorithm_min_rows_to_activate;

ALTER TABLE {database}.event_log RESET SETTING vertical_merge_algorithm_min_rows_to_activate;
