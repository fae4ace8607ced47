/** The labels of a row that has one value for each key: ClickHouse gives "" for a label that is not there. */
export function labelsOfRow(keys: readonly string[], values: readonly string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const [index, key] of keys.entries()) {
    const value = values[index] ?? "";
    if (value !== "") labels[key] = value;
  }
  return labels;
}
