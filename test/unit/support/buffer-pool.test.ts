import fc from "fast-check";
import { expect, it } from "vitest";
import { BufferPool } from "../../../src/support/buffer-pool.ts";

const MIB = 1_048_576;

it("gives buffers that are long enough, and never one that somebody has", () => {
  const step = fc.record({ bytes: fc.oneof(fc.nat(20_000), fc.nat(8 * MIB)), gives: fc.nat(4) });
  const holds = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const pool = new BufferPool({ idleBytesMax: () => 4 * MIB });
    const taken: Buffer[] = [];
    for (const { bytes, gives } of steps) {
      const buffer = pool.take(bytes);
      if (buffer.length < bytes || taken.some((other) => other.buffer === buffer.buffer)) return false;
      taken.push(buffer);
      for (const each of taken.splice(0, gives)) pool.give(each);
      if (pool.idleBytes > 4 * MIB) return false;
    }
    return true;
  });
  expect(fc.check(holds, { numRuns: 200 })).toMatchObject({ failed: false, counterexample: null });
});

it("uses again what was given back, for as much or less", () => {
  const pool = new BufferPool({ idleBytesMax: () => MIB });
  const buffer = pool.take(100_000);
  pool.give(buffer);
  expect(pool.take(90_000)).toBe(buffer);
  expect(pool.idleBytes).toBe(0);
});

it("lets go first what was not wanted for longest", () => {
  const pool = new BufferPool({ idleBytesMax: () => MIB });
  const stale = Array.from({ length: 4 }, () => pool.take(200_000));
  const wanted = Array.from({ length: 8 }, () => pool.take(100_000));
  for (const buffer of [...stale, ...wanted]) pool.give(buffer);
  expect(wanted).toContain(pool.take(100_000));
  expect(stale).not.toContain(pool.take(200_000));
});

it("gives all of a lease back, or nothing when it is kept", () => {
  const pool = new BufferPool({ idleBytesMax: () => MIB });
  const [done, kept] = [pool.lease(), pool.lease()];
  const [first, second] = [done.take(10_000), kept.take(10_000)];
  kept.keep();
  for (const lease of [done, kept, done]) lease.giveBack();
  expect(pool.idleBytes).toBe(first.length);
  expect([pool.take(10_000), pool.take(10_000)]).not.toContain(second);
});

it("keeps none while more is in use than was meant for all", () => {
  let room = -1;
  const pool = new BufferPool({ idleBytesMax: () => room });
  const [first, second] = [pool.take(10_000), pool.take(10_000)];
  pool.give(first);
  expect(pool.idleBytes).toBe(0);
  room = MIB;
  pool.give(second);
  expect(pool.take(10_000)).toBe(second);
});
