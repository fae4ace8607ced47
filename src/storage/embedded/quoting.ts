/** Values and names as ClickHouse SQL. */

/** A ClickHouse string literal with exactly this value. */
export function quoteString(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\0", "\\0")}'`;
}

/** A quoted ClickHouse identifier. */
export function quoteIdentifier(value: string): string {
  return `\`${value.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("\0", "\\0")}\``;
}
