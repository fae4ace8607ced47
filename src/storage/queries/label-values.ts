/** Labels of a call as SQL over the spans and over their roll-up by hour, which have the same columns for them. */

/** Labels that have a column of their own; every other is a key of `labels`. */
const COLUMN_LABELS: ReadonlySet<string> = new Set([
  "agent",
  "team",
  "role",
  "owner",
  "session",
  "workflow",
  "user",
  "model",
  "provider",
  "tool",
  "budget",
]);

/** `labels` as the projection of spend by day has them (migration 0037), word by word: without those that have a column. */
const LABELS_OF_DAYS =
  "mapUpdate(labels, map('agent', '', 'owner', '', 'team', '', 'role', '', 'session', '', 'workflow', '', 'user', '', 'provider', '', 'model', '', 'tool', ''))";

export interface LabelValues {
  /** An array of strings, one for each label. */
  readonly sql: string;
  /** The same over sums of whole days, so that they come from a projection where one has these labels. */
  readonly sqlOfDays: string;
  /** What it refers to: names of labels come as parameters, never as text. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Only the columns that are asked for are read. */
export function labelValues(labels: readonly string[]): LabelValues {
  const parameters: Record<string, string> = {};
  // Columns and other labels are in no projection together: then both come from the hours, as they are.
  const labelsOfDays = labels.some((label) => COLUMN_LABELS.has(label)) ? "labels" : LABELS_OF_DAYS;
  const arrayOf = (map: string): string => {
    const values = labels.map((label, index) => {
      if (COLUMN_LABELS.has(label)) return `toString(${label})`;
      parameters[`label_${index}`] = label;
      return `${map}[{label_${index}: String}]`;
    });
    return `[${values.join(", ")}]`;
  };
  return { sql: arrayOf("labels"), sqlOfDays: arrayOf(labelsOfDays), parameters };
}

/** A query with its places for labels filled in. */
export function withLabels(sql: string, { sql: values, sqlOfDays }: LabelValues): string {
  return sql.replaceAll("{{labels}}", () => values).replaceAll("{{labels_of_days}}", () => sqlOfDays);
}
