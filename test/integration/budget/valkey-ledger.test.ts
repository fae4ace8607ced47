/** What is of the shared store alone: clusters, settings, a store that is lost, hangs or forgets, and replicas that fall behind. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { LedgerNotice, StoredLedger } from "../../../src/budget/ledger-notice.ts";
import type { PastSeeking } from "../../../src/budget/past.ts";
import { createValkeyLedger } from "../../../src/budget/valkey/create-valkey-ledger.ts";
import type { ValkeyLedgerOptions } from "../../../src/budget/valkey/valkey-ledger-options.ts";
import { SystemClock } from "../../../src/support/clock.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { makeAcquire, makeBudget, usd } from "../../unit/budget/make-budget.ts";
import { regained } from "./suite/stages.ts";

const missing = RedisServer.missing();
if (missing !== undefined) console.warn(missing);

let server: RedisServer;
beforeAll(async () => {
  if (missing === undefined) server = await RedisServer.start();
});
afterAll(() => server?.remove());

let names = 0;
const newName = (): string => `ledger-${(names += 1)}`;

interface Opened {
  readonly ledger: StoredLedger;
  readonly notices: LedgerNotice[];
}

async function openLedger(of: Partial<ValkeyLedgerOptions> & { readonly name: string }): Promise<Opened> {
  const notices: LedgerNotice[] = [];
  const onNotice = (notice: LedgerNotice): void => void notices.push(notice);
  const budgets = [makeBudget({ limit: 1_000n })];
  const ledger = createValkeyLedger({ url: server.url, budgets, clock: new SystemClock(), onNotice, ...of });
  await ledger.start();
  onTestFinished(() => ledger.stop());
  return { ledger, notices };
}

async function ownServer(args?: readonly string[]): Promise<RedisServer> {
  const own = await RedisServer.start(args);
  onTestFinished(() => own.remove());
  return own;
}

const saidOf = (notices: readonly LedgerNotice[]): string[] => notices.map(({ notice }) => notice);
const reserved = async (ledger: StoredLedger): Promise<bigint | undefined> => {
  await ledger.lease("nobody's");
  return ledger.budgets()[0]?.reserved;
};

describe.skipIf(missing !== undefined)("the store's settings", () => {
  it("are said at the start when they are weak, with what is at stake", async () => {
    const weak = await ownServer(["--appendonly", "no", "--maxmemory-policy", "allkeys-lru"]);
    const { notices } = await openLedger({ name: newName(), url: weak.url });
    expect(notices).toMatchObject([
      { notice: "store_weak", setting: "appendonly", value: "no" },
      { notice: "store_weak", setting: "appendfsync", value: "everysec" },
      { notice: "store_weak", setting: "maxmemory-policy", value: "allkeys-lru" },
    ]);
    const { notices: none } = await openLedger({ name: newName() });
    expect(none).toEqual([]);
  });

  it("keep a wrong password from starting it, without showing it", async () => {
    const closed = await ownServer(["--requirepass", "right", "--appendonly", "yes", "--appendfsync", "always"]);
    const refused = openLedger({ name: newName(), url: closed.url, password: "wr0ng" });
    await expect(refused).rejects.toMatchObject({ code: "ledger_unavailable" });
    await expect(refused).rejects.toThrow("WRONGPASS");
    await expect(refused).rejects.not.toThrow("wr0ng");
    const { ledger } = await openLedger({ name: newName(), url: closed.url, password: "right" });
    expect(await ledger.acquire(makeAcquire())).toMatchObject({ outcome: "granted" });
  });

  it("may be those of a cluster: all keys of a ledger are in one slot", async () => {
    const nodes = await Promise.all([1, 2].map(() => ownServer(["--cluster-enabled", "yes", "--appendonly", "yes"])));
    const [first, second] = nodes as [RedisServer, RedisServer];
    await first.command(["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    await second.command(["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    await first.command(["CLUSTER", "MEET", "127.0.0.1", String(second.port)]);
    for (const node of nodes) {
      await expect.poll(() => node.command(["CLUSTER", "INFO"])).toContain("cluster_state:ok");
    }
    // Several names: whichever node has the slot, and whichever is asked first.
    for (const name of ["a", "b", "c", "d"]) {
      const { ledger } = await openLedger({ name, url: first.url, logBytesMax: 100 });
      const { ledger: other } = await openLedger({ name, url: second.url });
      await Promise.all([1, 2, 3].map((id) => ledger.acquire(makeAcquire({ leaseId: `l${id}` }))));
      expect(await other.acquire(makeAcquire({ seq: 2, settled: usd(4), target: usd(20) }))).toMatchObject({
        granted: usd(20),
      });
      expect([await reserved(ledger), await reserved(other)]).toEqual([36n, 36n]);
    }
  });
});

describe.skipIf(missing !== undefined)("a store that is lost", () => {
  it("refuses everything until it is back, and then goes on by itself", async () => {
    const own = await ownServer();
    const { ledger, notices } = await openLedger({ name: newName(), url: own.url });
    await ledger.acquire(makeAcquire({ leaseId: "holder", target: usd(900) }));
    const waiting = ledger.acquire(makeAcquire({ target: usd(500), waitMs: 60_000 })).catch((error: unknown) => error);
    await ledger.close("nobody", []);
    await own.kill();
    expect(await waiting).toMatchObject({ code: "ledger_unavailable" });
    await expect(ledger.acquire(makeAcquire({ leaseId: "l2" }))).rejects.toMatchObject({ code: "ledger_unavailable" });
    await expect(ledger.observe({ token: "t", entries: [] })).rejects.toMatchObject({ code: "ledger_unavailable" });
    expect(ledger.budgets()[0]?.reserved).toBe(900n);
    await own.run();
    await regained(ledger);
    expect(await reserved(ledger)).toBe(900n);
    expect(saidOf(notices)).toEqual(["store_lost", "store_regained"]);
  });

  it("by a failover is looked for again over a new connection", async () => {
    const own = await ownServer();
    const { ledger, notices } = await openLedger({ name: newName(), url: own.url });
    await ledger.acquire(makeAcquire({ target: usd(10) }));
    const connections = async (): Promise<string[]> =>
      [...(await own.command(["CLIENT", "LIST"])).matchAll(/id=(\d+) .*name=tollgate /g)].map(([, id = ""]) => id);
    const before = await connections();
    await own.command(["REPLICAOF", "127.0.0.1", "1"]);
    await expect(ledger.acquire(makeAcquire({ seq: 2 }))).rejects.toThrow("READONLY");
    const isNew = async (): Promise<boolean> => (await connections()).some((id) => !before.includes(id));
    await expect.poll(isNew).toBe(true);
    expect(before).toHaveLength(2);
    await own.command(["REPLICAOF", "NO", "ONE"]);
    await regained(ledger);
    expect(await reserved(ledger)).toBe(10n);
    expect(saidOf(notices)).toEqual(["store_lost", "store_regained"]);
  });

  it("at the start is an error that names it", async () => {
    const own = await ownServer();
    await own.kill();
    const ledger = createValkeyLedger({
      url: own.url,
      name: "n",
      budgets: [],
      clock: new SystemClock(),
      connectTimeoutMs: 300,
    });
    await expect(ledger.start()).rejects.toMatchObject({
      code: "ledger_unavailable",
      message: `the ledger's store: cannot connect to ${own.url}: connect ECONNREFUSED 127.0.0.1:${own.port}`,
    });
    await own.run();
    await ledger.start();
    await ledger.stop();
  });

  it("by hanging is lost, too, and what it carried out meanwhile is found in it", async () => {
    const own = await ownServer();
    const { ledger } = await openLedger({ name: newName(), url: own.url });
    await ledger.acquire(makeAcquire({ target: usd(10) }));
    process.kill(own.pid, "SIGSTOP");
    await expect(ledger.acquire(makeAcquire({ leaseId: "l2", target: usd(20) }))).rejects.toMatchObject({
      code: "ledger_unavailable",
    });
    process.kill(own.pid, "SIGCONT");
    await regained(ledger);
    const again = await ledger.acquire(makeAcquire({ leaseId: "l2", target: usd(20) }));
    expect(again).toMatchObject({ outcome: "granted", granted: usd(20) });
    expect(await reserved(ledger)).toBe(30n);
  });

  it("or a fleet that is away gives every lease as much longer a life as no replica could reach it", async () => {
    const name = newName();
    const { ledger, notices } = await openLedger({ name });
    await ledger.acquire(makeAcquire());
    // As after ten minutes in which the store was gone, or its clock's step.
    await server.command(["HINCRBY", `{tollgate:${name}}:head`, "offset", "600000"]);
    await expect
      .poll(() => server.command(["XREVRANGE", `{tollgate:${name}}:log`, "+", "-", "COUNT", "1"]))
      .toContain("resumed");
    await regained(ledger);
    expect(await ledger.lease("l1")).toMatchObject({ state: "active" });
    expect(notices).toEqual([]);
  });

  it("and comes back emptied says so loudly, and grants only under the documents of its replicas", async () => {
    const own = await ownServer();
    const name = newName();
    const { ledger, notices } = await openLedger({ name, url: own.url });
    await ledger.acquire(makeAcquire({ target: usd(700) }));
    await own.command(["FLUSHALL"]);
    await expect.poll(() => saidOf(notices)).toContain("store_lost_writes");
    const after = await ledger.acquire(makeAcquire({ leaseId: "l2", target: usd(1_001) }));
    expect(after).toMatchObject({ outcome: "exhausted", refusedBy: { limit: 1_000n } });
  });

  it("and comes back without its last entries says how many it forgot", async () => {
    const name = newName();
    const { ledger, notices } = await openLedger({ name });
    await ledger.acquire(makeAcquire());
    await ledger.acquire(makeAcquire({ seq: 2, target: usd(20) }));
    const key = `{tollgate:${name}}`;
    const [rev] = /\d+$/.exec((await server.command(["HGET", `${key}:head`, "rev"])).trim()) ?? [];
    // As after a failover to a node that had not got the last entry.
    const script = [
      "redis.call('XDEL', KEYS[2], ARGV[1] .. '-0')",
      "local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]",
      "redis.call('HSET', KEYS[1], 'rev', ARGV[1] - 1, 'last', last[2][2])",
    ].join("\n");
    await server.command(["EVAL", script, "2", `${key}:head`, `${key}:log`, rev ?? ""]);
    await expect.poll(() => saidOf(notices)).toContain("store_lost_writes");
    expect(notices).toContainEqual({
      notice: "store_lost_writes",
      acknowledged: Number(rev),
      found: Number(rev) - 1,
    });
  });
});

describe.skipIf(missing !== undefined)("the past of a budget", () => {
  it("is asked for by every replica, counted from whoever answers first, and waited for until then", async () => {
    const name = newName();
    const [one, two] = await Promise.all([1, 2].map(() => openLedger({ name, seeksPast: true })));
    const ledgers = [one, two].map((opened) => opened?.ledger as StoredLedger & PastSeeking);
    await Promise.all(ledgers.map((ledger) => ledger.lease("nobody's")));
    expect(ledgers.map((ledger) => ledger.pastWanted()?.isFresh)).toEqual([true, true]);
    expect(await ledgers[0]?.acquire(makeAcquire())).toMatchObject({ outcome: "exhausted" });
    const spend = { labels: {}, atMs: 0, gated: usd(300), observed: usd(0) };
    const past = { groups: [{ budgets: ["b"], spends: [spend] }], leases: [], withheld: [], isLoss: false };
    await Promise.all(ledgers.map((ledger) => ledger.seed(past)));
    expect(ledgers.map((ledger) => ledger.pastWanted())).toEqual([undefined, undefined]);
    expect(await ledgers[1]?.acquire(makeAcquire({ leaseId: "l2", target: usd(701) }))).toMatchObject({
      outcome: "exhausted",
      refusedBy: { settled: 300n },
    });
  });
});

describe.skipIf(missing !== undefined)("the log", () => {
  it("is replaced by a snapshot when it has grown, which replicas read that come or were away", async () => {
    const name = newName();
    const { ledger } = await openLedger({ name, logBytesMax: 2_000 });
    for (let index = 0; index < 60; index += 1)
      await ledger.acquire(makeAcquire({ leaseId: `l${index}`, target: usd(3) }));
    const key = `{tollgate:${name}}`;
    const entries = async (): Promise<number> => Number((await server.command(["XLEN", `${key}:log`])).slice(1));
    await expect.poll(entries).toBeLessThan(40);
    const { ledger: late } = await openLedger({ name });
    expect(await reserved(late)).toBe(180n);
    expect(await late.acquire(makeAcquire({ leaseId: "l7", seq: 2, settled: usd(2), target: usd(4) }))).toMatchObject({
      outcome: "granted",
    });
    expect(await reserved(ledger)).toBe(179n);
  });

  it("that is damaged is refused, not guessed", async () => {
    const name = newName();
    const { ledger } = await openLedger({ name });
    await ledger.acquire(makeAcquire());
    const log = `{tollgate:${name}}:log`;
    await server.command(["XADD", log, "999-0", "id", "x.1", "before", "?", "events", "no json", "waits", ""]);
    const other = openLedger({ name });
    await expect(other).rejects.toMatchObject({
      code: expect.stringMatching(/ledger_(corrupt|unavailable)/) as string,
    });
  });
});

describe.skipIf(missing !== undefined)("a replica", () => {
  it("that lost its turn without knowing it reads the log again and decides anew", async () => {
    const name = newName();
    const { ledger: one } = await openLedger({ name });
    const { ledger: two } = await openLedger({ name });
    const head = `{tollgate:${name}}:head`;
    await one.acquire(makeAcquire({ leaseId: "holder", target: usd(900) }));
    const waiting = one.acquire(makeAcquire({ leaseId: "waiter", target: usd(300), waitMs: 20_000 }));
    for (let round = 0; round < 5; round += 1) {
      // It has the turn and believes so; as if it had been paused for longer than a turn lasts, another has it meanwhile.
      await one.acquire(makeAcquire({ seq: 2 * round + 1, target: usd(round + 1) }));
      await server.command(["HSET", head, "turn", "nobody"]);
      const decided = one.acquire(makeAcquire({ seq: 2 * round + 2, target: usd(round + 2) }));
      await expect.poll(() => server.command(["HGET", head, "turn"])).toContain("nobody");
      await server.command(["HDEL", head, "turn"]);
      expect(await decided).toMatchObject({ outcome: "granted", granted: usd(round + 2) });
    }
    expect([await reserved(one), await reserved(two)]).toEqual([906n, 906n]);
    await two.close("p1", [{ leaseId: "holder", settled: usd(0) }]);
    expect(await waiting).toMatchObject({ outcome: "granted", granted: usd(300) });
  });

  it("that dies leaves its leases to the others, and holds nobody up", async () => {
    const name = newName();
    const { ledger: one } = await openLedger({ name });
    const { ledger: two } = await openLedger({ name });
    await one.acquire(makeAcquire({ target: usd(600) }));
    // It dies with the turn in its hands.
    await server.command(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    await regained(two);
    expect(await two.acquire(makeAcquire({ seq: 2, settled: usd(100), target: usd(700) }))).toMatchObject({
      granted: usd(700),
    });
    expect(await two.acquire(makeAcquire({ leaseId: "l2", target: usd(301) }))).toMatchObject({ outcome: "exhausted" });
  });
});
