import { DurationHistogram, type DurationHistogramOptions } from "./histogram.ts";
import type { Sample } from "./metric-family.ts";

/** Series of one histogram at most; what would be one more is counted under `other` in every label. */
const SERIES_MAX = 200;

/** One histogram for each combination of labels. */
export class LabelledHistogram<Name extends string> {
  readonly #options: DurationHistogramOptions;
  readonly #series = new Map<
    string,
    { readonly labels: Record<Name, string>; readonly histogram: DurationHistogram }
  >();

  constructor(options: DurationHistogramOptions) {
    this.#options = options;
  }

  observe(labels: Readonly<Record<Name, string>>, seconds: number): void {
    this.of(labels).observe(seconds);
  }

  of(labels: Readonly<Record<Name, string>>): DurationHistogram {
    const key = JSON.stringify(Object.values(labels));
    const known = this.#series.get(key);
    if (known !== undefined) return known.histogram;
    if (this.#series.size >= SERIES_MAX && !isOther(labels)) return this.of(otherOf(labels));
    const histogram = new DurationHistogram(this.#options);
    this.#series.set(key, { labels: { ...labels }, histogram });
    return histogram;
  }

  *samples(): Iterable<Sample> {
    for (const { labels, histogram } of this.#series.values()) yield* histogram.samples(labels);
  }
}

function otherOf<Name extends string>(labels: Readonly<Record<Name, string>>): Record<Name, string> {
  return Object.fromEntries(Object.keys(labels).map((name) => [name, "other"])) as Record<Name, string>;
}

function isOther(labels: Readonly<Record<string, string>>): boolean {
  return Object.values(labels).every((value) => value === "other");
}
