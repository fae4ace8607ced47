/**
 * Goal: the compact tables of fingerprints answer as a plain Map would, however they grow, fill and empty.
 * Method: seeded random operations against a model; identities that share most of their bytes among them.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdentityCell } from "../../../../src/pdata/identity.ts";
import { RecentSpans } from "../../../../src/pipeline/spool/recent-spans.ts";

/** An identity of which only four bytes differ from the others, at a place that depends on it. */
function cellOf(index: number): IdentityCell {
  const cell = new IdentityCell();
  cell.bytes.writeUInt32BE(index, (index % 6) * 4);
  return cell;
}

describe("recent spans", () => {
  it("knows a span for the window, and forgets it after", () => {
    const recent = new RecentSpans({ windowMs: 1_000, entriesMax: 100 });
    recent.add(cellOf(1), 0);
    recent.add(cellOf(2), 900);
    recent.add(cellOf(3), 1_000);
    expect(recent.has(cellOf(1))).toBe(true);
    recent.add(cellOf(4), 1_500);
    expect(recent.has(cellOf(1))).toBe(false);
    expect(recent.has(cellOf(2))).toBe(true);
    expect(recent.evictedEarly).toBe(0);
  });

  it("holds no more than its bound, gives up a 64th of the oldest first, and counts what went too early", () => {
    const entriesMax = 6_400;
    const recent = new RecentSpans({ windowMs: 1_000_000, entriesMax });
    const added = entriesMax * 3;
    for (let index = 0; index < added; index += 1) {
      recent.add(cellOf(index), index);
      expect(recent.size).toBeLessThanOrEqual(entriesMax);
    }
    const oldest = added - recent.size;
    expect(recent.size).toBeGreaterThan(entriesMax - entriesMax / 64);
    for (let index = 0; index < added; index += 1) expect(recent.has(cellOf(index))).toBe(index >= oldest);
    expect(recent.evictedEarly).toBe(oldest);
  });

  it("takes at most 17 bytes an entry however long it is full, and gives the entries' memory back with their time", () => {
    const entriesMax = 400_000;
    const recent = new RecentSpans({ windowMs: 1_000, entriesMax });
    let most = 0;
    for (let index = 0; index < entriesMax * 2; index += 1) {
      recent.add(cellOf(index), 0);
      if (index % 1_000 === 0) most = Math.max(most, recent.bytes);
    }
    expect(most / entriesMax).toBeLessThanOrEqual(17);
    for (let index = 0; index < entriesMax / 2; index += 1) recent.add(cellOf(entriesMax * 2 + index), 5_000 + index);
    expect(recent.size).toBeLessThan(2_000);
    expect(recent.bytes).toBeLessThan(most / 20);
  });

  it("forgets what is over however often the numbers of generations come round", () => {
    const windowMs = 6_400;
    const recent = new RecentSpans({ windowMs, entriesMax: 64_000 });
    const perStep = 3;
    const steps = 2_000;
    for (let step = 0; step < steps; step += 1) {
      for (let index = 0; index < perStep; index += 1) recent.add(cellOf(step * perStep + index), step * 100);
    }
    const ages = Array.from({ length: steps }, (_, step) => (steps - 1 - step) * 100);
    const known = ages.filter(
      (_, step) => recent.has(cellOf(step * perStep)) || recent.has(cellOf(step * perStep + 2)),
    );
    expect(known).toEqual(ages.filter((age) => age <= windowMs));
  });

  it("answers as a Map does that forgets the oldest", () => {
    const operation = fc.record({ index: fc.nat(400), later: fc.nat(30), isAdd: fc.boolean() });
    const property = fc.property(
      fc.array(operation, { maxLength: 600 }),
      fc.integer({ min: 1, max: 150 }),
      (operations, entriesMax) => {
        const windowMs = 640;
        const recent = new RecentSpans({ windowMs, entriesMax });
        const model = new Map<number, number>();
        const certain = entriesMax - Math.ceil(entriesMax / 64);
        let now = 0;
        for (const { index, later, isAdd } of operations) {
          now += later;
          const cell = cellOf(index);
          if (isAdd && !recent.has(cell)) {
            model.delete(index);
            model.set(index, now);
          }
          if (isAdd) recent.add(cell, now);
          const added = model.get(index);
          const isKnown = recent.has(cell);
          // What is known was added; what was added within the window and the bound is known.
          if (isKnown && added === undefined) return false;
          const isWithin = certain > 0 && [...model.keys()].slice(-certain).includes(index);
          if (!isKnown && added !== undefined && now - added < windowMs && isWithin) return false;
        }
        return recent.size <= entriesMax;
      },
    );
    expect(fc.check(property, { numRuns: 500 })).toMatchObject({ failed: false, counterexample: null });
  });
});
