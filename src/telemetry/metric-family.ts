import type { Registry } from "prom-client";

/** One line of a family. `suffix` is for histograms: `_bucket`, `_sum`, `_count`. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly suffix?: "_bucket" | "_sum" | "_count";
}

/**
 * A metric that is kept elsewhere and read when Prometheus asks. Names end in their unit, counters in `_total`; values of
 * labels come from the configuration or from a list in the code, never from what a sender wrote, except where `help` says so.
 */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labelNames?: readonly string[];
  samples(): Iterable<Sample>;
}

/** Of one family: a label that gets out of hand must not take the scrape with it. What is left out is what comes last. */
export const SAMPLES_MAX = 5_000;

/** Adds a family to what `/metrics` shows. A family whose source fails is shown without samples, the others are not touched. */
export function registerFamily(registry: Registry, family: MetricFamily): void {
  const { name, help, type, labelNames = [] } = family;
  const metric = {
    name,
    help,
    type,
    labelNames,
    aggregator: "sum",
    reset: () => {},
    get: async () => ({ name, help, type, aggregator: "sum", values: valuesOf(family) }),
  };
  // prom-client knows its own four classes only; what it calls of a metric is the above.
  registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
}

function valuesOf(family: MetricFamily): readonly object[] {
  const values: object[] = [];
  for (const { value, labels = {}, suffix = "" } of samplesOf(family)) {
    if (values.length >= SAMPLES_MAX) break;
    values.push({ metricName: family.name + suffix, labels, value });
  }
  return values;
}

function samplesOf(family: MetricFamily): Iterable<Sample> {
  try {
    return [...take(family.samples(), SAMPLES_MAX)];
  } catch {
    return [];
  }
}

function* take<T>(items: Iterable<T>, count: number): Iterable<T> {
  let left = count;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}

/** A gauge or counter without labels. `undefined`: there is nothing to say now. */
export function figure(options: {
  readonly name: string;
  readonly help: string;
  readonly type?: "counter" | "gauge";
  readonly value: () => number | undefined;
}): MetricFamily {
  const { name, help, type = "gauge", value } = options;
  return {
    name,
    help,
    type,
    samples: () => {
      const current = value();
      return current === undefined ? [] : [{ value: current }];
    },
  };
}
