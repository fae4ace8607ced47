/**
 * Goal: the compact table of identities answers as a plain Map would, however its parts grow, fill and empty.
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

  it("holds no more than its bound, gives up the oldest first, and counts what went too early", () => {
    const recent = new RecentSpans({ windowMs: 1_000_000, entriesMax: 100 });
    for (let index = 0; index < 1_000; index += 1) recent.add(cellOf(index), index);
    expect(recent.size).toBe(100);
    for (let index = 0; index < 1_000; index += 1) expect(recent.has(cellOf(index))).toBe(index >= 900);
    expect(recent.evictedEarly).toBe(900);
  });

  it("takes at most 40 bytes an entry when it is full, and gives the entries' memory back with their time", () => {
    const entriesMax = 400_000;
    const recent = new RecentSpans({ windowMs: 1_000, entriesMax });
    for (let index = 0; index < entriesMax; index += 1) recent.add(cellOf(index), 0);
    const full = recent.bytes;
    expect(recent.size).toBe(entriesMax);
    expect(full / entriesMax).toBeLessThanOrEqual(40);
    for (let index = 0; index < entriesMax / 2; index += 1) recent.add(cellOf(entriesMax + index), 5_000 + index);
    expect(recent.size).toBeLessThan(2_000);
    expect(recent.bytes).toBeLessThan(full / 2);
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
        let now = 0;
        for (const { index, later, isAdd } of operations) {
          now += later;
          if (isAdd && !recent.has(cellOf(index))) {
            model.delete(index);
            model.set(index, now);
            while (model.size > entriesMax) model.delete(model.keys().next().value ?? -1);
          }
          if (isAdd) recent.add(cellOf(index), now);
          const added = model.get(index);
          const isKnown = recent.has(cellOf(index));
          // What is known was added; what was added within the window and the bound is known.
          if (isKnown && added === undefined) return false;
          if (!isKnown && added !== undefined && now - added < windowMs) return false;
        }
        return recent.size <= entriesMax;
      },
    );
    expect(fc.check(property, { numRuns: 500 })).toMatchObject({ failed: false, counterexample: null });
  });
});
