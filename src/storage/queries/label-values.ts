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

export interface LabelValues {
  /** An array of strings, one for each label. */
  readonly sql: string;
  /** What it refers to: names of labels come as parameters, never as text. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Only the columns that are asked for are read. */
export function labelValues(labels: readonly string[]): LabelValues {
  const parameters: Record<string, string> = {};
  const values = labels.map((label, index) => {
    if (COLUMN_LABELS.has(label)) return `toString(${label})`;
    parameters[`label_${index}`] = label;
    return `labels[{label_${index}: String}]`;
  });
  return { sql: `[${values.join(", ")}]`, parameters };
}
