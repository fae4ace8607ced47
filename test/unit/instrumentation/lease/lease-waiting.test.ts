/** What a lease tells the ledger while calls of this process wait. The ledger is a list of requests that the test answers. */
import { expect, test } from "vitest";
import { scale, subtract, covers, toWire, type Amounts } from "../../../../instrumentation/src/lease/amounts.ts";
import { systemClock } from "../../../../instrumentation/src/lease/clock.ts";
import { Lease } from "../../../../instrumentation/src/lease/lease.ts";
import type { LeaseHost } from "../../../../instrumentation/src/lease/lease-host.ts";
import type { PurseOutcome, Reservation, Want } from "../../../../instrumentation/src/lease/purse.ts";
import type { Answer } from "../../../../instrumentation/src/lease/transport.ts";
import type { AcquireReply, AcquireRequest } from "../../../../instrumentation/src/protocol.ts";

const ONE: Amounts = { nanoUsd: 100n, tokens: 100n, calls: 1n };
const amounts = (calls: number): Amounts => scale(ONE, BigInt(calls));
const wire = (calls: number) => toWire(amounts(calls));

interface Asked {
  readonly request: AcquireRequest;
  answer(granted: Amounts): Promise<void>;
}

function setUp(catchUp = (): void => {}): { lease: Lease; asked: Asked[] } {
  const asked: Asked[] = [];
  const host: LeaseHost = {
    processId: "p1",
    newId: () => "b".repeat(32),
    waitMs: 2_000,
    catchUp,
    clock: { ...systemClock, monotonicMs: () => 0, wallMs: () => 0, after: () => ({ cancel: () => {} }) },
    acquire: (_lease, request) => {
      const { promise, resolve } = Promise.withResolvers<Answer<AcquireReply>>();
      asked.push({
        request,
        answer: async (granted) => {
          resolve({
            kind: "reply",
            reply: {
              lease_id: request.lease_id,
              seq: request.seq,
              granted: toWire(granted),
              ttl_ms: 30_000,
              governance_version: "1",
              budgets: [],
              outcome: "granted",
            },
          });
          await promise;
          await Promise.resolve();
        },
      });
      return promise;
    },
    onLost: () => {},
    onKilled: () => {},
    onGovernance: () => {},
  };
  return { lease: new Lease(host, {}), asked };
}

/** A call that takes all of `calls` or nothing. */
function want(calls: number): Want {
  const worst = amounts(calls);
  return {
    worst,
    least: worst,
    fitting: (available) => (covers(available, worst) ? worst : undefined),
    signal: undefined,
  };
}

function reservationOf(outcome: PurseOutcome): Reservation {
  if (outcome.outcome !== "granted") throw new Error(`not granted: ${outcome.outcome}`);
  return outcome.reservation;
}

/** A lease that was granted 10, with a call of 4 in flight and a call of 8 that waits. */
async function withOneWaiting(): Promise<{
  lease: Lease;
  asked: Asked[];
  inFlight: Reservation;
  waiting: Promise<PurseOutcome>;
}> {
  const { lease, asked } = setUp();
  const first = Promise.resolve(lease.reserve(want(4)));
  await asked[0]?.answer(amounts(10));
  const inFlight = reservationOf(await first);
  // A message that tops up may be on its way: answered with what is there already.
  while (asked.length > 1) await asked.pop()?.answer(amounts(10));
  const waiting = Promise.resolve(lease.reserve(want(8)));
  return { lease, asked, inFlight, waiting };
}

test("while a call waits, only what is settled and in flight is held; the idle rest goes back", async () => {
  const { lease, asked } = await withOneWaiting();
  const { request } = asked.at(-1) as Asked;
  expect(request.held).toEqual(wire(4));
  expect(request.need).toEqual(wire(12));
  expect(request.target).toEqual(wire(12));
  expect(lease.books.granted).toEqual(amounts(4));
});

test("what comes free while the ledger holds the request is reported at once when nothing else is in flight", async () => {
  const { asked, inFlight } = await withOneWaiting();
  const before = asked.length;
  inFlight.settle(amounts(1));
  expect(asked).toHaveLength(before + 1);
  const { request } = asked.at(-1) as Asked;
  expect(request.settled).toEqual(wire(1));
  expect(request.held).toEqual(wire(1));
  expect(request.target).toEqual(wire(9));
});

test("the answer to an overtaken request raises nothing; the answer to the newer one does", async () => {
  const { lease, asked, inFlight, waiting } = await withOneWaiting();
  const overtaken = asked.at(-1) as Asked;
  inFlight.settle(amounts(1));
  await overtaken.answer(amounts(50));
  expect(lease.books.granted).toEqual(amounts(1));
  await asked.at(-1)?.answer(amounts(9));
  expect(reservationOf(await waiting).amounts).toEqual(amounts(8));
  expect(subtract(lease.books.granted, lease.books.committed)).toEqual(amounts(0));
});

test("a recall that finds nothing new to give back sends nothing", async () => {
  const { lease, asked } = await withOneWaiting();
  const before = asked.length;
  lease.recall();
  expect(asked).toHaveLength(before);
});

test("what calls have put off is settled before another one waits", async () => {
  const open: Reservation[] = [];
  const { lease, asked } = setUp(() => open.shift()?.settle(amounts(1)));
  const first = Promise.resolve(lease.reserve(want(4)));
  await asked[0]?.answer(amounts(10));
  open.push(reservationOf(await first));
  while (asked.length > 1) await asked.pop()?.answer(amounts(10));
  const outcome = lease.reserve(want(8));
  expect(outcome).not.toBeInstanceOf(Promise);
  expect(reservationOf(await outcome).amounts).toEqual(amounts(8));
});
