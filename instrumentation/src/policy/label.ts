/** Data labels in rising order of sensitivity. */
export const DATA_LABELS = ["public", "internal", "confidential", "restricted"] as const;

export type DataLabel = (typeof DATA_LABELS)[number];

/** The rank of a label, from 0. A label that nobody knows ranks highest: unknown is never harmless. */
export function labelRank(label: string): number {
  const rank = DATA_LABELS.findIndex((known) => known === label);
  return rank < 0 ? DATA_LABELS.length - 1 : rank;
}

export function isDataLabel(text: string): text is DataLabel {
  return DATA_LABELS.some((label) => label === text);
}

/** The higher of two labels. */
export function higherLabel(left: DataLabel, right: DataLabel): DataLabel {
  return labelRank(left) >= labelRank(right) ? left : right;
}
