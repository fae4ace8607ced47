import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { registerFamily, SAMPLES_MAX } from "../../../src/telemetry/metric-family.ts";

const gauge = (name: string, samples: () => Iterable<{ value: number; labels?: Record<string, string> }>) =>
  ({ name, help: "A gauge.", type: "gauge", labelNames: ["of"], samples }) as const;

it("shows what its source says when asked, with labels escaped", async () => {
  const registry = new Registry();
  let value = 1;
  registerFamily(
    registry,
    gauge("now_items", () => [{ value, labels: { of: 'a"b\nc' } }]),
  );
  value = 2;
  expect(await registry.metrics()).toBe(
    '# HELP now_items A gauge.\n# TYPE now_items gauge\nnow_items{of="a\\"b\\nc"} 2\n',
  );
});

it("shows the others when one source fails, and none twice", async () => {
  const registry = new Registry();
  const broken = gauge("broken_items", () => {
    throw new Error("no");
  });
  registerFamily(registry, broken);
  registerFamily(
    registry,
    gauge("fine_items", () => [{ value: 1 }]),
  );
  expect(await registry.metrics()).toContain("fine_items 1");
  expect(() => registerFamily(registry, broken)).toThrow("broken_items");
});

it("cuts a family that got out of hand, without walking it to its end", async () => {
  const registry = new Registry();
  let made = 0;
  registerFamily(
    registry,
    gauge("many_items", function* () {
      for (; made < 100_000; made += 1) yield { value: 1, labels: { of: String(made) } };
    }),
  );
  const text = await registry.metrics();
  expect(text.split("\n").filter((line) => line.startsWith("many_items"))).toHaveLength(SAMPLES_MAX);
  expect(made).toBeLessThan(SAMPLES_MAX + 2);
});
