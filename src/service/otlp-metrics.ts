/**
 * What `/metrics` shows, as an OTLP ExportMetricsServiceRequest in JSON: a bridge, so that there is one set of figures and
 * not two. Counters are cumulative and monotonic sums, histograms keep their buckets, summaries are left out (OTLP knows
 * them only as a legacy). https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */

/** A metric as prom-client's `getMetricsAsJSON` has it. */
export interface ScrapedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values?: readonly ScrapedValue[];
}

interface ScrapedValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  /** With the suffix of a histogram's line: `_bucket`, `_sum`, `_count`. */
  readonly metricName?: string;
}

export interface OtlpMetricsOptions {
  readonly metrics: readonly ScrapedMetric[];
  /** `service.name` and what else says who speaks. */
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
  /** When the counters began. */
  readonly startUnixMs: number;
  readonly nowUnixMs: number;
}

const CUMULATIVE = 2;

export function otlpMetrics(options: OtlpMetricsOptions): object {
  const { metrics, resource, version } = options;
  const scopeMetrics = [
    { scope: { name: "tollgate", version }, metrics: metrics.flatMap((metric) => converted(metric, options)) },
  ];
  return { resourceMetrics: [{ resource: { attributes: attributesOf(resource) }, scopeMetrics }] };
}

function converted(metric: ScrapedMetric, times: OtlpMetricsOptions): readonly object[] {
  const { name, help: description, type, values = [] } = metric;
  if (values.length === 0) return [];
  switch (type) {
    case "counter":
      return [
        {
          name,
          description,
          sum: { ...pointsOf(values, times), aggregationTemporality: CUMULATIVE, isMonotonic: true },
        },
      ];
    case "gauge":
      return [{ name, description, gauge: pointsOf(values, times) }];
    case "histogram": {
      const dataPoints = histogramPoints(metric, times);
      return [{ name, description, histogram: { dataPoints, aggregationTemporality: CUMULATIVE } }];
    }
    default:
      return [];
  }
}

function pointsOf(
  values: readonly ScrapedValue[],
  times: OtlpMetricsOptions,
): { readonly dataPoints: readonly object[] } {
  return {
    dataPoints: values
      .filter(({ value }) => Number.isFinite(value))
      .map(({ value, labels }) => ({ ...timesOf(times), attributes: attributesOf(labels), asDouble: value })),
  };
}

interface Buckets {
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  /** Upper bound to the number of values up to it, as Prometheus counts: cumulative. */
  readonly upTo: Map<number, number>;
  sum: number;
  count: number;
}

function histogramPoints(metric: ScrapedMetric, times: OtlpMetricsOptions): readonly object[] {
  const series = new Map<string, Buckets>();
  for (const { metricName, labels, value } of metric.values ?? []) {
    const { le, ...own } = labels;
    const key = JSON.stringify(Object.entries(own).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    let buckets = series.get(key);
    if (buckets === undefined) series.set(key, (buckets = { labels: own, upTo: new Map(), sum: 0, count: 0 }));
    if (le !== undefined) buckets.upTo.set(le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le), value);
    else if (metricName === `${metric.name}_sum`) buckets.sum = value;
    else if (metricName === `${metric.name}_count`) buckets.count = value;
  }
  return [...series.values()].map(({ labels, upTo, sum, count }) => {
    const bounds = [...upTo.keys()].filter(Number.isFinite).toSorted((a, b) => a - b);
    const cumulative = [...bounds.map((bound) => upTo.get(bound) ?? 0), count];
    return {
      ...timesOf(times),
      attributes: attributesOf(labels),
      count: String(count),
      sum,
      bucketCounts: cumulative.map((value, index) => String(value - (cumulative[index - 1] ?? 0))),
      explicitBounds: bounds,
    };
  });
}

function timesOf({ startUnixMs, nowUnixMs }: OtlpMetricsOptions): object {
  return { startTimeUnixNano: nanos(startUnixMs), timeUnixNano: nanos(nowUnixMs) };
}

function nanos(unixMs: number): string {
  return (BigInt(Math.round(unixMs)) * 1_000_000n).toString();
}

function attributesOf(labels: Readonly<Record<string, string | number | undefined>>): readonly object[] {
  return Object.entries(labels).map(([key, value]) => ({ key, value: { stringValue: String(value ?? "") } }));
}
