import { describe, expect, it } from "vitest";
import { MemoryGate, type Reservation } from "../../../../src/receivers/otlp/memory-gate.ts";

/** What has been granted so far, once everything that was due has run. */
async function grants(reservations: readonly Reservation[]): Promise<boolean[]> {
  const granted = reservations.map(() => false);
  for (const [index, reservation] of reservations.entries()) {
    void reservation.granted.then(() => {
      granted[index] = true;
    });
  }
  await new Promise(setImmediate);
  return granted;
}

describe("the memory gate", () => {
  it("grants in the order of asking, as far as the bytes go", async () => {
    const gate = new MemoryGate(10);
    const all = [6, 4, 1].map((bytes) => gate.reserve(bytes));
    expect(await grants(all)).toEqual([true, true, false]);
    all[0]?.release();
    expect(await grants(all)).toEqual([true, true, true]);
  });

  it("lets a small one not overtake a large one that waits", async () => {
    const gate = new MemoryGate(10);
    const all = [6, 8, 1].map((bytes) => gate.reserve(bytes));
    expect(await grants(all)).toEqual([true, false, false]);
    all[0]?.release();
    expect(await grants(all)).toEqual([true, true, true]);
  });

  it("gives to others what one gives back, and never more than it holds", async () => {
    const gate = new MemoryGate(10);
    const first = gate.reserve(10);
    const second = gate.reserveNothing();
    first.shrinkTo(20);
    expect(second.tryGrowTo(1)).toBe(false);
    first.shrinkTo(3);
    expect(second.tryGrowTo(8)).toBe(false);
    expect(second.tryGrowTo(7)).toBe(true);
    first.release();
    first.release();
    const third = gate.reserveNothing();
    expect(third.tryGrowTo(4)).toBe(false);
    expect(third.tryGrowTo(3)).toBe(true);
  });

  it("lets one through that is larger than the bound when nothing else is there", async () => {
    const gate = new MemoryGate(10);
    const all = [50, 1].map((bytes) => gate.reserve(bytes));
    expect(await grants(all)).toEqual([true, false]);
    all[0]?.release();
    expect(await grants(all)).toEqual([true, true]);
  });

  it("lets one that is alone grow over the bound, and nobody beside it", () => {
    const gate = new MemoryGate(10);
    const [alone, other] = [gate.reserveNothing(), gate.reserveNothing()];
    expect(alone.tryGrowTo(8)).toBe(true);
    expect(alone.tryGrowTo(50)).toBe(true);
    expect(other.tryGrowTo(1)).toBe(false);
    alone.release();
    expect(other.tryGrowTo(1)).toBe(true);
  });

  it("lets owners take turns, however many of one wait", async () => {
    const gate = new MemoryGate(10);
    const crowd = Array.from({ length: 5 }, () => gate.reserve(10, "crowd"));
    const single = gate.reserve(10, "single");
    expect(gate.isContended).toBe(true);
    crowd[0]?.release();
    expect(await grants([...crowd, single])).toEqual([true, true, false, false, false, false]);
    crowd[1]?.release();
    expect(await grants([single])).toEqual([true]);
    for (const reservation of [...crowd, single]) reservation.release();
    expect(gate.isContended).toBe(false);
  });

  it("forgets one that leaves the queue, and lets those behind it go on", async () => {
    const gate = new MemoryGate(10);
    const all = [6, 8, 4].map((bytes) => gate.reserve(bytes));
    all[1]?.release();
    expect(await grants(all)).toEqual([true, false, true]);
  });
});
