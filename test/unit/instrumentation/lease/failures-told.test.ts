/** Goal: the processor hears that a gate fails inside, soon, not again and again, and also of a process that ends. Method: as stops-polling. */
import { expect, it } from "vitest";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";
import { LeaseClient } from "../../../../instrumentation/src/lease/lease-client.ts";
import { HandClock, quiet } from "../../../support/hand-clock.ts";
import { MemoryLedger } from "../../../support/memory-ledger.ts";

function setUp() {
  const ledger = new MemoryLedger(1_000_000n);
  const clock = new HandClock();
  const gate = { failures: 0 };
  const client = new LeaseClient({
    transport: ledger,
    clock,
    logger: createLogger("error", () => {}),
    introduction: { agent: "a", labels: {}, version: "test" },
    expectsProcessor: true,
    failures: () => gate.failures,
    onHello: () => {},
  });
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await quiet();
  };
  return { client, gate, said: ledger.failuresTold, closed: ledger.closed, pass };
}

it("says how often it failed by another hello, once for all of a moment, and then is silent", async () => {
  const { client, gate, said, pass } = setUp();
  await client.start();
  await pass(20_000);
  expect(said).toEqual([undefined]);
  gate.failures = 3;
  await pass(20_000);
  expect(said).toEqual([undefined, 3]);
  // All the time: no more often than it makes sense to look.
  for (let second = 0; second < 20; second += 1) {
    gate.failures += 1;
    await pass(1_000);
  }
  expect(said.length).toBeLessThanOrEqual(2 + 4);
  expect(said.at(-1)).toBeGreaterThan(15);
});

it("says it with its last report, if it holds no lease too", async () => {
  const { client, gate, closed } = setUp();
  await client.start();
  gate.failures = 2;
  expect(client.lastReports()).toMatchObject({ failures: 2, leases: [] });
  await client.close();
  expect(closed).toMatchObject([{ failures: 2, leases: [] }]);
});

it("has nothing to say at its end when it never failed, or has said so", async () => {
  const { client, gate, closed } = setUp();
  gate.failures = 2;
  await client.start();
  await client.close();
  expect(closed).toEqual([]);
});
