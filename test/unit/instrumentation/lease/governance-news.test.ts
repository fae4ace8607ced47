/**
 * Goal: what changes while a process asks how things stand is not missed: an incident that takes autonomy away is in force at once.
 * Method: a ledger in memory whose answers to hellos are as of when they were asked, and come when the test says.
 */
import { expect, it } from "vitest";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";
import { LeaseClient } from "../../../../instrumentation/src/lease/lease-client.ts";
import { HandClock, quiet } from "../../../support/hand-clock.ts";
import { MemoryLedger } from "../../../support/memory-ledger.ts";

it("a change that is told while a hello is on its way is asked for once more, and once only", async () => {
  const ledger = new MemoryLedger(1_000n);
  const heard: string[] = [];
  const client = new LeaseClient({
    transport: ledger,
    clock: new HandClock(),
    logger: createLogger("error", () => {}),
    introduction: { agent: "a", labels: {}, version: "test" },
    expectsProcessor: true,
    onHello: ({ governance_version: version }) => void heard.push(version),
  });
  const change = (version: string): void => {
    ledger.governanceVersion = version;
    ledger.send({ type: "governance", governance_version: version });
  };
  await client.start();
  const hello = ledger.hello.bind(ledger);
  const arrivals: (() => void)[] = [];
  ledger.hello = async () => {
    const answer = await hello();
    await new Promise<void>((resolve) => void arrivals.push(resolve));
    return answer;
  };
  change("2");
  await quiet();
  change("3");
  change("4");
  await quiet();
  expect([heard, arrivals.length]).toEqual([["1"], 1]);
  arrivals.shift()?.();
  await quiet();
  expect([heard, arrivals.length]).toEqual([["1", "2"], 1]);
  arrivals.shift()?.();
  await quiet();
  expect([heard, arrivals.length]).toEqual([["1", "2", "4"], 0]);
  // What it knows by now is no news.
  change("4");
  await quiet();
  expect(arrivals).toEqual([]);
  await client.close();
});
