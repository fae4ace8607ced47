/** The limits that each query starts with. A user may set others for a query; a read-only user only lower ones. */

/** Name and value of each, in the setting's own unit: seconds, bytes. */
export const QUERY_LIMITS = [
  ["max_execution_time", 60],
  ["max_memory_usage", 2_000_000_000],
  ["max_result_bytes", 16 * 1024 * 1024 * 1024],
  ["max_temporary_data_on_disk_size_for_query", 8 * 1024 * 1024 * 1024],
] as const;

/** A thread more for each so many granules of 8,192 rows that are left to be read. */
const GRANULES_OF_A_THREAD = 6;

/**
 * What else a read-only user's query starts with. Rewritten to subcolumns, `attributes['k']` of the view `spans` is something that
 * its index does not know (docs/decisions/0040), and people write SQL over attributes by hand. The engine lets one thread read some
 * twenty granules of its default, for rows that are a few numbers; a granule of spans has 5 MB of attributes (docs/decisions/0082).
 */
export const READER_DEFAULTS = [
  ["optimize_functions_to_subcolumns", "0"],
  ["merge_tree_min_rows_for_concurrent_read", String(GRANULES_OF_A_THREAD * 8_192)],
  ["merge_tree_min_bytes_for_concurrent_read", "1000000"],
  ["merge_tree_min_read_task_size", String(GRANULES_OF_A_THREAD)],
] as const;

/** The engine's settings profile of read-only users: it holds {@link QUERY_LIMITS} wherever a setting can be written. */
export const READER_PROFILE = "tollgate_reader";

/**
 * A setting of a request as a read-only user gets it: no more than the limit, and 0 (none) as the limit. Clients set
 * what is more than allowed as a matter of course (Grafana asks for its own deadline and 5 s), so that is no error; in the
 * statement's own SETTINGS it is one (452), by the engine.
 */
export function clampSetting(name: string, value: string): string {
  const limit = QUERY_LIMITS.find(([limited]) => limited === name)?.[1];
  if (limit === undefined || !/^\d+(?:\.\d+)?$/.test(value)) return value;
  const wanted = Number(value);
  if (wanted === 0 || wanted > limit) return String(limit);
  return wanted < 1 ? "1" : value;
}
