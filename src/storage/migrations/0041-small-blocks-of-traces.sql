-- trace_log is read in places: fifty traces are fifty steps of 512 rows. A column is compressed in blocks of 64 KiB at least, which
-- for a sum is sixteen steps, all of which were unpacked for one (docs/decisions/0063). Parts as they are written from now on; a
-- table is made anew by hand, if at all: OPTIMIZE TABLE trace_log FINAL SETTINGS optimize_skip_merged_partitions = 0.
ALTER TABLE {database}.trace_log MODIFY SETTING min_compress_block_size = 8192, max_compress_block_size = 16384;
