/**
 * Goal: the alert rules of the two lags fire when calls are late, and only then. Method: rules as they are shipped, evaluated over two
 * scrapes of what /metrics says, in the notation of Prometheus 2 and of Prometheus 3, by as much PromQL as these rules are.
 */
import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { prometheusRules } from "../../../dashboards/pipeline-alerts.ts";
import { deliveryFamilies } from "../../../src/service/metrics/delivery-metrics.ts";
import { VISIBILITY_SLO } from "../../../src/telemetry/lag.ts";
import { Measures } from "../../../src/telemetry/measures.ts";
import { registerFamily } from "../../../src/telemetry/metric-family.ts";

const NOW_MS = Date.UTC(2026, 10, 22);
const [{ rules }] = (prometheusRules() as { groups: [{ rules: { alert: string; expr: string }[] }] }).groups;

const SHARE = /^sum\(rate\((\w+)\{le=~"([^"]+)"\}\[10m\]\)\) \/ sum\(rate\((\w+)\[10m\]\)\) < ([\d.]+)$/;

/** Whether the rule holds between two scrapes; the seconds between them are on both sides of its division. */
function fires(alert: string, before: string, after: string): boolean {
  const expr = rules.find((rule) => rule.alert === alert)?.expr ?? "";
  const [, bucket = "", bound = "", count = "", share] = SHARE.exec(expr) ?? [];
  const grown = (isMeant: (line: string) => boolean): number => {
    const [then, now] = [before, after].map((text) => text.split("\n").filter(isMeant));
    // None would be no data, and two of one histogram would count spans twice.
    expect([then?.length, now?.length], expr).toEqual([1, 1]);
    return valueOf(now) - valueOf(then);
  };
  // Prometheus anchors what it matches with.
  const isBound = new RegExp(`^(?:${bound})$`);
  const within = grown((line) => line.startsWith(`${bucket}{`) && isBound.test(/le="([^"]+)"/.exec(line)?.[1] ?? ""));
  return within / grown((line) => line.startsWith(`${count} `)) < Number(share);
}

function valueOf(lines: readonly string[] = []): number {
  return Number(lines[0]?.slice(lines[0].lastIndexOf(" ")));
}

/** Prometheus 3 writes every bound with a fraction. */
const asVersion3 = (text: string): string => text.replaceAll(/le="(\d+)"/g, 'le="$1.0"');

it.each([
  ["TollgateVisibilityObjectiveMissed", "visible"],
  ["TollgateEnforcementObjectiveMissed", "counted"],
] as const)("%s fires when more than one in a hundred calls is late", async (alert, kind) => {
  const measures = new Measures({ monotonic: () => 0 });
  const registry = new Registry();
  for (const family of deliveryFamilies(measures, () => ({ answers: {}, grpcAnswers: {} })))
    registerFamily(registry, family);
  const observe = (calls: number, seconds: number): void =>
    measures[kind].record({ endUnixMs: new Float64Array(calls).fill(NOW_MS - seconds * 1_000), nowUnixMs: NOW_MS });
  const isFiringAfter = async (late: number): Promise<boolean> => {
    const before = await registry.metrics();
    observe(1_000 - late, VISIBILITY_SLO.seconds);
    observe(late, VISIBILITY_SLO.seconds + 0.001);
    const after = await registry.metrics();
    const found = fires(alert, before, after);
    expect(fires(alert, asVersion3(before), asVersion3(after))).toBe(found);
    return found;
  };
  expect(await isFiringAfter(0)).toBe(false);
  expect(await isFiringAfter(10)).toBe(false);
  expect(await isFiringAfter(11)).toBe(true);
  // Of what was before nothing counts.
  expect(await isFiringAfter(0)).toBe(false);
});
