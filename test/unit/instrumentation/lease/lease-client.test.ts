/** The client of the ledger, with a ledger in memory and a clock that is turned by hand. */
import { describe, expect, it } from "vitest";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";
import { covers } from "../../../../instrumentation/src/lease/amounts.ts";
import { LeaseClient } from "../../../../instrumentation/src/lease/lease-client.ts";
import type { PurseOutcome, Reservation, Want } from "../../../../instrumentation/src/lease/purse.ts";
import { HandClock, quiet } from "../../../support/hand-clock.ts";
import { MemoryLedger } from "../../../support/memory-ledger.ts";

function want(nanoUsd: bigint, least = nanoUsd, signal?: AbortSignal): Want {
  const amounts = (value: bigint) => ({ nanoUsd: value, tokens: 1n, calls: 1n });
  return {
    worst: amounts(nanoUsd),
    least: amounts(least),
    fitting: (available) => {
      const value = available.nanoUsd < nanoUsd ? available.nanoUsd : nanoUsd;
      return value >= least && covers(available, amounts(value)) ? amounts(value) : undefined;
    },
    signal,
  };
}

function setUp(limit: bigint, options: { readonly expectsProcessor?: boolean } = {}) {
  const ledger = new MemoryLedger(limit);
  const clock = new HandClock();
  const client = new LeaseClient({
    transport: ledger,
    clock,
    logger: createLogger("error", () => {}),
    introduction: { agent: "a", labels: {}, version: "test" },
    expectsProcessor: options.expectsProcessor ?? true,
    onHello: () => {},
  });
  return { ledger, clock, client };
}

function granted(outcome: PurseOutcome): Reservation {
  if (outcome.outcome !== "granted") throw new Error(`expected a grant, got ${outcome.outcome}`);
  return outcome.reservation;
}

const settled = (nanoUsd: bigint) => ({ nanoUsd, tokens: 1n, calls: 1n });

describe("a lease", () => {
  it("is asked for once, and then spent without a word to the ledger", async () => {
    const { ledger, client } = setUp(1_000_000n);
    granted(await client.reserve({}, want(100n))).settle(settled(10n));
    const before = ledger.acquired.length;
    const outcome = client.reserve({}, want(100n));
    expect(outcome).not.toBeInstanceOf(Promise);
    expect(ledger.acquired.length).toBe(before);
  });

  it("is one for each set of labels that budgets tell apart", async () => {
    const { ledger, client } = setUp(1_000_000n);
    for (const labels of [{ team: "a", model: "x" }, { team: "a", model: "y" }, { team: "b" }, {}]) {
      granted(await client.reserve(labels, want(100n)));
    }
    expect(new Set(ledger.acquired.map((request) => request.lease_id)).size).toBe(3);
  });

  it("never promises more than the ledger has set aside, whatever gets lost", async () => {
    const { ledger, client, clock } = setUp(1_000n);
    let isLost = true;
    ledger.intercept = (request) => {
      if (!isLost) return undefined;
      isLost = false;
      ledger.grant(request);
      return { kind: "unreachable", reason: "the answer was lost" };
    };
    const waiting = client.reserve({}, want(400n));
    await quiet();
    await clock.advance(100);
    granted(await waiting);
    const [first, second] = ledger.acquired;
    expect(second?.lease_id).toBe(first?.lease_id);
    expect(second?.seq).toBe((first?.seq ?? 0) + 1);
    expect(ledger.outstanding).toBeLessThanOrEqual(1_000n);
  });

  it("gives a call less when there is less, and refuses it when there is too little", async () => {
    const { client, ledger } = setUp(250n);
    const first = granted(await client.reserve({}, want(1_000n, 100n)));
    expect(first.amounts.nanoUsd).toBe(250n);
    first.settle(settled(200n));
    const outcome = await client.reserve({}, want(1_000n, 100n));
    const code = "budget_exceeded";
    expect(outcome).toMatchObject({ outcome: "refused", error: { code, budget: "fleet", obstacle: "spent" } });
    ledger.refusal = { obstacle: "past_awaited", until: "2026-05-04T12:00:00.000Z" };
    const told = await client.reserve({}, want(1_000n, 100n));
    expect(told).toMatchObject({ outcome: "refused", error: { code, obstacle: "past_awaited" } });
  });

  it("lets a call wait for what others of the process give back, first come first served", async () => {
    const { client } = setUp(1_000n);
    const first = granted(await client.reserve({}, want(800n)));
    const order: string[] = [];
    const second = Promise.resolve(client.reserve({}, want(900n))).then((outcome) => (order.push("large"), outcome));
    const third = Promise.resolve(client.reserve({}, want(50n))).then((outcome) => (order.push("small"), outcome));
    await quiet();
    expect(order).toEqual([]);
    first.settle(settled(10n));
    granted(await second);
    await quiet();
    expect(order[0]).toBe("large");
    granted(await third);
  });

  it("refuses a call that others leave too little for, after two seconds and not before", async () => {
    const { client, clock } = setUp(1_000n);
    granted(await client.reserve({}, want(800n)));
    let answer: PurseOutcome | undefined;
    void Promise.resolve(client.reserve({}, want(900n))).then((outcome) => (answer = outcome));
    await clock.advance(1_900);
    expect(answer).toBeUndefined();
    await clock.advance(200);
    expect(answer).toMatchObject({ outcome: "refused", error: { code: "budget_exceeded" } });
  });

  it("is sized by use: more ahead for calls that follow fast, less again for a quiet process", async () => {
    const { ledger, client, clock } = setUp(10n ** 12n);
    const aheadMost = (): bigint =>
      ledger.acquired.splice(0).reduce((most, { ahead }) => {
        const value = BigInt(ahead.nano_usd);
        return value > most ? value : most;
      }, 0n);
    const calls = async (count: number, everyMs: number): Promise<number> => {
      let waited = 0;
      for (let call = 0; call < count; call += 1) {
        const outcome = client.reserve({}, want(100n));
        if (outcome instanceof Promise) waited += 1;
        granted(await outcome).settle(settled(100n));
        await clock.advance(everyMs);
      }
      return waited;
    };
    await calls(1, 1);
    const first = aheadMost();
    expect(await calls(500, 1)).toBe(0);
    const busy = aheadMost();
    expect(busy).toBeGreaterThanOrEqual(8n * first);
    await calls(512, 1);
    // Each message holds a call up: fewer than one in a hundred may be.
    expect(ledger.acquired.length).toBeLessThanOrEqual(3);
    await calls(600, 2_000);
    aheadMost();
    await calls(60, 2_000);
    expect(aheadMost()).toBeLessThan(busy / 4n);
  });

  it("asks for more while half is left, so that calls that follow fast go on while the ledger takes its time", async () => {
    const { ledger, client, clock } = setUp(10n ** 12n);
    const call = async (): Promise<void> => {
      granted(await client.reserve({}, want(100n))).settle(settled(100n));
      await clock.advance(1);
    };
    for (let index = 0; index < 2_000; index += 1) await call();
    const { promise: late, resolve: answer } = Promise.withResolvers<void>();
    ledger.intercept = async (request) => {
      await late;
      return { kind: "reply", reply: ledger.grant(request) };
    };
    ledger.acquired.splice(0);
    while (ledger.acquired.length === 0) await call();
    // The question is on its way: 40 calls before the answer is there.
    const outcomes = Array.from({ length: 40 }, () => client.reserve({}, want(100n)));
    expect(outcomes.filter((outcome) => outcome instanceof Promise)).toEqual([]);
    answer();
  });

  it("leaves the line when the app gives the call up", async () => {
    const { client } = setUp(1_000n);
    const first = granted(await client.reserve({}, want(1_000n)));
    const controller = new AbortController();
    const waiting = client.reserve({}, want(500n, 500n, controller.signal));
    await quiet();
    controller.abort();
    expect(await waiting).toEqual({ outcome: "aborted" });
    first.release();
  });

  it("gives back what nobody uses when it is recalled", async () => {
    const { client, ledger } = setUp(1_000_000n);
    const reservation = granted(await client.reserve({}, want(100n)));
    ledger.send({ type: "recall", lease_ids: [ledger.acquired[0]?.lease_id ?? ""] });
    await quiet();
    expect(ledger.outstanding).toBe(100n);
    reservation.settle(settled(40n));
    ledger.send({ type: "recall", lease_ids: [ledger.acquired[0]?.lease_id ?? ""] });
    await quiet();
    expect([ledger.settled, ledger.outstanding]).toEqual([40n, 0n]);
  });

  it("reports within about a second, and is closed when it stays idle", async () => {
    const { client, ledger, clock } = setUp(1_000_000n);
    granted(await client.reserve({}, want(100n))).settle(settled(40n));
    await clock.advance(2_000);
    expect(ledger.settled).toBe(40n);
    await clock.advance(120_000);
    expect(ledger.outstanding).toBe(0n);
    expect(ledger.closed).toHaveLength(1);
  });

  it.each([
    ["the monotonic clock", async (clock: HandClock) => clock.advance(40_000)],
    [
      "the monotonic clock, while somebody sets the wall clock back",
      async (clock: HandClock) => {
        clock.wallOffsetMs -= 40_000;
        await clock.advance(40_000);
      },
    ],
    ["the wall clock, after the machine slept", async (clock: HandClock) => (clock.wallOffsetMs += 40_000)],
  ])("is not spent after its time by %s", async (_name, pass) => {
    const { client, ledger, clock } = setUp(1_000_000n);
    granted(await client.reserve({}, want(100n))).settle(settled(10n));
    ledger.isDown = true;
    await pass(clock);
    const waiting = client.reserve({}, want(100n));
    expect(waiting).toBeInstanceOf(Promise);
    await clock.advance(20_000);
    expect(await waiting).toMatchObject({ outcome: "unavailable", isHard: true });
  });

  it("is renewed well before its end while a call is in flight, although nothing is settled and nothing asked for", async () => {
    const { client, ledger, clock } = setUp(1_000_000n);
    const long = granted(await client.reserve({}, want(100n)));
    const before = ledger.acquired.length;
    await clock.advance(25_000);
    expect(ledger.acquired.length).toBeGreaterThan(before + 1);
    const next = client.reserve({}, want(100n));
    expect(next).not.toBeInstanceOf(Promise);
    expect(granted(await next).leaseId).toBe(long.leaseId);
  });

  it("is replaced when the ledger has lost it; what it still settles is reported to the old one", async () => {
    const { client, ledger, clock } = setUp(1_000_000n);
    const old = granted(await client.reserve({}, want(100n)));
    const oldId = old.leaseId;
    ledger.intercept = (request) => (request.lease_id === oldId ? { kind: "lease_lost" } : undefined);
    const next = granted(await client.reserve({}, want(999_000n, 100n)));
    expect(next.leaseId).not.toBe(oldId);
    old.settle(settled(70n));
    await clock.advance(2_000);
    expect(ledger.closed.flatMap(({ leases }) => leases)).toContainEqual({
      lease_id: oldId,
      settled: { nano_usd: "70", tokens: "1", calls: "1" },
    });
  });

  it("is not made to hold more by who gives a part of it back", async () => {
    const { client } = setUp(1_000n);
    const reservation = granted(await client.reserve({}, want(100n)));
    reservation.shrinkTo({ nanoUsd: 200n, tokens: 1n, calls: 1n });
    expect(reservation.amounts.nanoUsd).toBe(100n);
    reservation.shrinkTo({ nanoUsd: 40n, tokens: 1n, calls: 1n });
    expect(reservation.amounts.nanoUsd).toBe(40n);
  });

  it("lives on when the ledger forgot only the process", async () => {
    const { client, ledger } = setUp(1_000_000n);
    granted(await client.reserve({}, want(100n)));
    let isForgotten = true;
    ledger.intercept = () => {
      if (!isForgotten) return undefined;
      isForgotten = false;
      return { kind: "process_unknown" };
    };
    granted(await client.reserve({}, want(500_000n)));
    expect(ledger.hellos).toBe(2);
    expect(new Set(ledger.acquired.map((request) => request.lease_id)).size).toBe(1);
  });

  it("settles exactly once", async () => {
    const { client, ledger } = setUp(1_000n);
    const reservation = granted(await client.reserve({}, want(100n)));
    reservation.settle(settled(10n));
    reservation.settle(settled(20n));
    reservation.release();
    await client.close();
    expect([ledger.settled, ledger.outstanding]).toEqual([10n, 0n]);
  });
});

describe("without a ledger", () => {
  it("calls wait a while for one that was announced, and then nobody can say", async () => {
    const { client, ledger, clock } = setUp(1_000n);
    ledger.isDown = true;
    const waiting = client.reserve({}, want(100n));
    await clock.advance(6_000);
    expect(await waiting).toMatchObject({ outcome: "unavailable", isHard: true });
  });

  it("only the first calls wait: once the time is over, later ones are answered at once, and find a ledger that came up", async () => {
    const { client, ledger, clock } = setUp(1_000n);
    ledger.isDown = true;
    const first = client.reserve({}, want(100n));
    await clock.advance(6_000);
    await first;
    // No turn of the clock: whoever had to wait for it would never be answered.
    expect(await client.reserve({}, want(100n))).toMatchObject({ outcome: "unavailable" });
    ledger.isDown = false;
    await clock.advance(1_000);
    await client.reserve({}, want(100n));
    await clock.advance(1);
    expect(await client.reserve({}, want(100n))).toMatchObject({ outcome: "granted" });
  });

  it("calls do not wait for one that refuses their process, and find it when it does so no more", async () => {
    const { client, ledger, clock } = setUp(1_000n);
    const hello = ledger.hello.bind(ledger);
    ledger.hello = async () => ({ kind: "rejected", reason: "the key was revoked" });
    // No turn of the clock: whoever had to wait for it would never be answered.
    const refused = client.reserve({}, want(100n));
    expect(await refused).toEqual({ outcome: "unavailable", reason: "the key was revoked", isHard: true });
    ledger.hello = hello;
    await clock.advance(1_000);
    await client.reserve({}, want(100n));
    await clock.advance(1);
    expect(await client.reserve({}, want(100n))).toMatchObject({ outcome: "granted" });
  });

  it("calls do not wait for one that nobody announced", async () => {
    const { client, ledger } = setUp(1_000n, { expectsProcessor: false });
    ledger.isDown = true;
    expect(await client.reserve({}, want(100n))).toMatchObject({ outcome: "unavailable", isHard: false });
    await client.reserve({}, want(100n));
    expect(ledger.hellos).toBe(1);
  });

  it("calls ride through a restart of the ledger", async () => {
    const { client, ledger, clock } = setUp(1_000_000n);
    granted(await client.reserve({}, want(100n)));
    ledger.isDown = true;
    const waiting = client.reserve({}, want(500_000n));
    await clock.advance(5_000);
    ledger.isDown = false;
    await clock.advance(2_000);
    expect(await waiting).toMatchObject({ outcome: "granted" });
  });
});
