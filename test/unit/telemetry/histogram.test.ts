import { describe, expect, it } from "vitest";
import { DurationHistogram } from "../../../src/telemetry/histogram.ts";
import { LabelledHistogram } from "../../../src/telemetry/labelled-histogram.ts";
import { Lag } from "../../../src/telemetry/lag.ts";

const MINUTE = 60_000;

function rig(bounds: readonly number[] = [1, 2, 4]) {
  const clock = { ms: 0 };
  return { clock, histogram: new DurationHistogram({ bounds, monotonic: () => clock.ms }) };
}

const plain = (histogram: DurationHistogram) =>
  [...histogram.samples()].map(({ suffix, labels, value }) => [suffix, labels?.["le"], value]);

describe("DurationHistogram", () => {
  it("counts cumulatively, with a bound in its own bucket", () => {
    const { histogram } = rig();
    for (const seconds of [0, 1, 1.5, 2, 100]) histogram.observe(seconds);
    expect(plain(histogram)).toEqual([
      ["_bucket", "1", 2],
      ["_bucket", "2", 4],
      ["_bucket", "4", 4],
      ["_bucket", "+Inf", 5],
      ["_sum", undefined, 104.5],
      ["_count", undefined, 5],
    ]);
  });

  it("interpolates a quantile within its bucket, and says the highest bound above it", () => {
    const { histogram } = rig();
    expect(histogram.quantile(0.5)).toBeUndefined();
    for (let count = 0; count < 100; count += 1) histogram.observe(1.5);
    expect(histogram.quantile(0.5)).toBe(1.5);
    expect(histogram.quantile(1)).toBe(2);
    for (let count = 0; count < 900; count += 1) histogram.observe(60);
    expect(histogram.quantile(0.99)).toBe(4);
  });

  it("forgets for quantiles what was more than five minutes ago, and keeps it in the counts", () => {
    const { clock, histogram } = rig();
    histogram.observe(3);
    clock.ms = 4 * MINUTE;
    histogram.observe(0.5);
    expect(histogram.countLately).toBe(2);
    clock.ms = 5 * MINUTE;
    expect(histogram.countLately).toBe(1);
    expect(histogram.quantile(1)).toBe(1);
    clock.ms = 500 * MINUTE;
    expect(histogram.quantile(1)).toBeUndefined();
    expect(histogram.count).toBe(2);
  });
});

describe("Lag", () => {
  it("takes a block of end times, and counts those from the future apart and as no lag", () => {
    const lag = new Lag({ monotonic: () => 0 });
    lag.record({ endUnixMs: Float64Array.of(9_000, 9_990, 10_000, 12_000), nowUnixMs: 10_000 });
    expect(lag.ahead).toBe(1);
    expect(lag.histogram.count).toBe(4);
    const sum = [...lag.histogram.samples()].find(({ suffix }) => suffix === "_sum");
    expect(sum?.value).toBeCloseTo(1.01);
  });
});

describe("LabelledHistogram", () => {
  it("keeps a series for each combination, and none for 100,000 of them", () => {
    const histogram = new LabelledHistogram<"route">({ bounds: [1], monotonic: () => 0 });
    for (let index = 0; index < 100_000; index += 1) histogram.observe({ route: `/${index}` }, 0.5);
    const samples = [...histogram.samples()];
    expect(samples.length).toBeLessThan(1_000);
    const other = samples.filter(({ labels }) => labels?.["route"] === "other");
    expect(other.find(({ suffix }) => suffix === "_count")?.value).toBe(99_800);
  });
});
