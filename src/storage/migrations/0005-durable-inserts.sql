-- The spool forgets a block once its insert is answered: from then on the rows must survive a power cut here. Measured on
-- the embedded engine, the sync is lost in the noise of an insert (50 ms for 5 to 2,000 rows on a loaded machine).
ALTER TABLE {database}.span_log MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE {database}.spend_log MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
