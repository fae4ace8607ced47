import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { expect, it } from "vitest";
import { otlpMetrics } from "../../../src/service/otlp-metrics.ts";
import { registerFamily } from "../../../src/telemetry/metric-family.ts";

interface Sent {
  readonly resourceMetrics: readonly [
    { readonly resource: object; readonly scopeMetrics: readonly [{ readonly metrics: readonly object[] }] },
  ];
}

async function sent(registry: Registry): Promise<Sent> {
  return otlpMetrics({
    metrics: await registry.getMetricsAsJSON(),
    resource: { "service.name": "tollgate" },
    version: "1",
    startUnixMs: 1_000,
    nowUnixMs: 2_000,
  }) as Sent;
}

const TIMES = { startTimeUnixNano: "1000000000", timeUnixNano: "2000000000" };

it("says of every metric what /metrics says of it", async () => {
  const registry = new Registry();
  const registers = [registry];
  const counter = new Counter({ name: "spans_total", help: "Spans.", labelNames: ["kind"], registers });
  counter.inc({ kind: "llm" }, 3);
  new Gauge({ name: "depth", help: "Depth.", registers }).set(7);
  const histogram = new Histogram({ name: "lag_seconds", help: "Lag.", buckets: [1, 5], registers });
  for (const value of [0.5, 2, 3, 9]) histogram.observe(value);
  registerFamily(registry, {
    name: "queue_items",
    help: "Items.",
    type: "gauge",
    labelNames: ["queue"],
    samples: () => [{ value: 4, labels: { queue: "a" } }],
  });
  const { resourceMetrics } = await sent(registry);
  expect(resourceMetrics[0].resource).toEqual({
    attributes: [{ key: "service.name", value: { stringValue: "tollgate" } }],
  });
  expect(resourceMetrics[0].scopeMetrics[0].metrics).toEqual([
    {
      name: "spans_total",
      description: "Spans.",
      sum: {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: [{ ...TIMES, attributes: [{ key: "kind", value: { stringValue: "llm" } }], asDouble: 3 }],
      },
    },
    { name: "depth", description: "Depth.", gauge: { dataPoints: [{ ...TIMES, attributes: [], asDouble: 7 }] } },
    {
      name: "lag_seconds",
      description: "Lag.",
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          { ...TIMES, attributes: [], count: "4", sum: 14.5, bucketCounts: ["1", "2", "1"], explicitBounds: [1, 5] },
        ],
      },
    },
    {
      name: "queue_items",
      description: "Items.",
      gauge: {
        dataPoints: [{ ...TIMES, attributes: [{ key: "queue", value: { stringValue: "a" } }], asDouble: 4 }],
      },
    },
  ]);
});

it("leaves out what has no figure", async () => {
  const registry = new Registry();
  new Gauge({ name: "odd", help: "Odd.", registers: [registry] }).set(Number.NaN);
  new Counter({ name: "none_total", help: "None.", labelNames: ["kind"], registers: [registry] });
  expect((await sent(registry)).resourceMetrics[0].scopeMetrics[0].metrics).toEqual([
    { name: "odd", description: "Odd.", gauge: { dataPoints: [] } },
  ]);
});
