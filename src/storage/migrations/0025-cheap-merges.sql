-- A merge of spans costs more than their insert (docs/decisions/0026): 50 columns, row by row. Column by column it costs a sixth
-- less; the engine does that from 131,072 rows on, and nearly all merges are of fewer.
ALTER TABLE {database}.span_log MODIFY SETTING vertical_merge_algorithm_min_rows_to_activate = 1;

ALTER TABLE {database}.event_log MODIFY SETTING vertical_merge_algorithm_min_rows_to_activate = 1;
