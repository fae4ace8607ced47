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
    expect(gate.tryReserve(1)).toBeUndefined();
    all[0]?.release();
    expect(await grants(all)).toEqual([true, true, true]);
  });

  it("gives to others what one gives back, and never more than it holds", async () => {
    const gate = new MemoryGate(10);
    const first = gate.reserve(10);
    first.shrinkTo(20);
    expect(gate.tryReserve(1)).toBeUndefined();
    first.shrinkTo(3);
    expect(gate.tryReserve(8)).toBeUndefined();
    expect(gate.tryReserve(7)).toBeDefined();
    first.release();
    first.release();
    expect(gate.tryReserve(4)).toBeUndefined();
    expect(gate.tryReserve(3)).toBeDefined();
  });

  it("lets one through that is larger than the bound when nothing else is there", async () => {
    const gate = new MemoryGate(10);
    const all = [50, 1].map((bytes) => gate.reserve(bytes));
    expect(await grants(all)).toEqual([true, false]);
    all[0]?.release();
    expect(await grants(all)).toEqual([true, true]);
  });

  it("forgets one that leaves the queue, and lets those behind it go on", async () => {
    const gate = new MemoryGate(10);
    const all = [6, 8, 4].map((bytes) => gate.reserve(bytes));
    all[1]?.release();
    expect(await grants(all)).toEqual([true, false, true]);
  });
});
