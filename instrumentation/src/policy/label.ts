/**
 * Labels of data, in rising order of sensitivity. The order can be another than the built-in one (`kind: labels`): each level
 * holds names of the same rank, so that kinds of data (`pii`, `medical`) stand beside a level. A label that no level names
 * ranks highest: unknown is never harmless.
 */
export const DATA_LABELS = ["public", "internal", "confidential", "restricted"] as const;

export type DataLabel = (typeof DATA_LABELS)[number];

export const LABEL_LEVELS_MAX = 16;
const NAMES_MAX = 256;
const NAME = /^[a-z][a-z0-9_-]{0,63}$/;

export type LabelOrderParse =
  | { readonly ok: true; readonly order: LabelOrder }
  | { readonly ok: false; readonly problem: string };

export class LabelOrder {
  readonly #ranks: ReadonlyMap<string, number>;
  /** The first name of each level, the least sensitive first. */
  readonly levels: readonly string[];
  /** As written, one list of names for each level. */
  readonly names: readonly (readonly string[])[];

  constructor(names: readonly (readonly string[])[]) {
    this.names = names;
    this.levels = names.map(([first = ""]) => first);
    this.#ranks = new Map(names.flatMap((level, rank) => level.map((name) => [name, rank] as const)));
  }

  /** From 0. */
  rank(label: string): number {
    return this.#ranks.get(label) ?? this.levels.length - 1;
  }

  has(label: string): boolean {
    return this.#ranks.has(label);
  }

  /** The name of a rank's level. */
  level(rank: number): string {
    return this.levels[Math.min(rank, this.levels.length - 1)] ?? "";
  }

  /** The level of the most sensitive label; the lowest level for none. */
  highest(labels: Iterable<string>): string {
    let rank = 0;
    for (const label of labels) rank = Math.max(rank, this.rank(label));
    return this.level(rank);
  }
}

/** public < internal < confidential < restricted. */
export const DEFAULT_LABEL_ORDER = new LabelOrder(DATA_LABELS.map((label) => [label]));

/** Reads `[public, [internal, staff], …]`: two to sixteen levels, each a name or a list of names. Never throws. */
export function parseLabelOrder(value: unknown): LabelOrderParse {
  if (!Array.isArray(value) || value.length < 2 || value.length > LABEL_LEVELS_MAX)
    return { ok: false, problem: `must be a list of 2 to ${LABEL_LEVELS_MAX} levels, the least sensitive first` };
  const levels = value.map((level: unknown) => (Array.isArray(level) ? (level as readonly unknown[]) : [level]));
  const names = levels.flat();
  if (levels.some((level) => level.length === 0) || names.length > NAMES_MAX)
    return { ok: false, problem: `each level has a name, and all together at most ${NAMES_MAX}` };
  const odd = names.find((name) => typeof name !== "string" || !NAME.test(name));
  if (odd !== undefined)
    return { ok: false, problem: `${JSON.stringify(odd)} is no label: small letters, digits, \`_\` and \`-\`` };
  if (new Set(names).size < names.length) return { ok: false, problem: "names a label twice" };
  return { ok: true, order: new LabelOrder(levels as readonly (readonly string[])[]) };
}
