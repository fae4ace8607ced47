type Labels = Readonly<Record<string, string>>;

interface Known {
  readonly names: readonly string[];
  readonly key: string;
}

/** One key for each set of values that budgets tell apart. Callers ask by the same objects again and again, and a call several times. */
export class LabelKeys {
  readonly #known = new WeakMap<Labels, Known>();
  #lastLabels: Labels | undefined;
  #last: Known | undefined;

  of(labels: Labels, names: readonly string[]): string {
    if (this.#lastLabels === labels && this.#last?.names === names) return this.#last.key;
    let known = this.#known.get(labels);
    if (known?.names !== names) this.#known.set(labels, (known = { names, key: keyOf(labels, names) }));
    this.#lastLabels = labels;
    this.#last = known;
    return known.key;
  }
}

function keyOf(labels: Labels, names: readonly string[]): string {
  let key = "";
  for (const name of names) {
    const value = labels[name];
    // The length keeps values apart that hold the separator themselves.
    key += value === undefined ? "-;" : `${value.length}:${value};`;
  }
  return key;
}

export function sameKeys(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((key) => right.includes(key));
}
