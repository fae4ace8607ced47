/** Goal: who no stream reaches hears of kills and of their end all the same. Method: a ledger in memory that pushes nothing, a clock turned by hand. */
import { expect, it } from "vitest";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";
import { LeaseClient } from "../../../../instrumentation/src/lease/lease-client.ts";
import type { Want } from "../../../../instrumentation/src/lease/purse.ts";
import type { StopAct, StopList } from "../../../../instrumentation/src/protocol.ts";
import { HandClock, quiet } from "../../../support/hand-clock.ts";
import { MemoryLedger } from "../../../support/memory-ledger.ts";

const KILL: StopAct = {
  id: "stop_1",
  act: "kill",
  selector: "agent=a",
  reason: "loops",
  author: "ada",
  at: "2026-11-22T00:00:00Z",
};

const AMOUNTS = { nanoUsd: 100n, tokens: 1n, calls: 1n };
const WANT: Want = { worst: AMOUNTS, least: AMOUNTS, fitting: () => AMOUNTS, signal: undefined };

function setUp() {
  const ledger = new MemoryLedger(1_000_000n);
  const clock = new HandClock();
  const heard: StopList[] = [];
  ledger.stops = { epoch: "e", revision: 0, acts: [] };
  ledger.intercept = (request) => {
    const { epoch = "", revision = 0 } = ledger.stops ?? {};
    return { kind: "reply", reply: { ...ledger.grant(request), stops_version: `${epoch}:${revision}` } };
  };
  const client = new LeaseClient({
    transport: ledger,
    clock,
    logger: createLogger("error", () => {}),
    introduction: { agent: "a", labels: {}, version: "test" },
    expectsProcessor: true,
    onHello: () => {},
    onStops: (stops) => {
      if (heard.at(-1)?.revision === stops.revision) return undefined;
      heard.push(stops);
      return { epoch: stops.epoch, revision: stops.revision, aborted_calls: 0 };
    },
  });
  const stop = (revision: number, acts: readonly StopAct[]): void => {
    ledger.stops = { epoch: "e", revision, acts };
  };
  const revisions = (): readonly number[] => heard.map(({ revision }) => revision);
  return { ledger, clock, client, stop, revisions };
}

it("a process hears of a kill by the answer to the next thing that its lease says", async () => {
  const { ledger, clock, client, stop, revisions } = setUp();
  const outcome = await client.reserve({}, WANT);
  expect(outcome.outcome).toBe("granted");
  expect(revisions()).toEqual([0]);
  stop(1, [KILL]);
  if (outcome.outcome === "granted") outcome.reservation.settle(AMOUNTS);
  const before = ledger.hellos;
  await clock.advance(2_000);
  await quiet();
  expect(ledger.hellos).toBe(before + 1);
  expect(revisions()).toEqual([0, 1]);
  await expect.poll(() => ledger.reports).toMatchObject([{ epoch: "e", revision: 1 }]);
});

it("a stopped process, which has no lease any more, asks every few seconds whether it may go on", async () => {
  const { clock, client, stop, revisions } = setUp();
  stop(1, [KILL]);
  await client.start();
  expect(revisions()).toEqual([1]);
  stop(2, []);
  for (let second = 0; second < 12; second += 1) await clock.advance(1_000);
  await quiet();
  expect(revisions()).toEqual([1, 2]);
});
