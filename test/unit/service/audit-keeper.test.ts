/** The keeper of the audit log between several processors over one database, and places beside the database that are away. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_LINK } from "@tollgate/instrumentation/audit";
import { afterAll, expect, it } from "vitest";
import { type Anchor, fileAnchor, httpAnchor } from "../../../src/audit/anchor.ts";
import type { Checkpoint } from "../../../src/audit/checkpoint.ts";
import { logProof } from "../../../src/audit/log-proof.ts";
import { AuditKeeper, type SeenLink } from "../../../src/service/audit-keeper.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const directory = mkdtempSync(join(tmpdir(), "tollgate-keeper-"));
afterAll(() => rmSync(directory, { recursive: true }));

const CHAIN = "c0".repeat(16);
const GRACE_MS = 5_000;
let made = 0;
/** For what another process of the machine may delay. */
const PATIENT = { timeout: 20_000 };

function hashOf(seq: number): string {
  return seq === 0 ? NO_LINK : String(seq).padStart(64, "a");
}

function link(seq: number): SeenLink {
  return { chain: CHAIN, seq, hash: hashOf(seq), prev: hashOf(seq - 1), isClosed: false, agent: "bot" };
}

/** What both processors have stored. */
class SharedTable {
  readonly links: SeenLink[] = [];
  /** What a start asks for. */
  tellsEnds = false;

  async select<T>(query: string, parameters: Readonly<Record<string, unknown>>): Promise<readonly T[]> {
    const { from, to } = parameters as { readonly from: number; readonly to: number };
    if (query === "audit-chain-ends") return this.#ends() as unknown as readonly T[];
    if (query !== "audit-chain-links") return [];
    const rows = this.links
      .filter(({ seq }) => seq >= from && seq <= to)
      .map(({ chain, seq, hash, prev }) => ({ chain, seq: String(seq), hash, prev, closed: false }));
    return rows as unknown as readonly T[];
  }

  #ends(): readonly object[] {
    const last = Math.max(0, ...this.links.map(({ seq }) => seq));
    return last === 0 || !this.tellsEnds ? [] : [{ chain: CHAIN, agent: "bot", last_seq: String(last) }];
  }
}

interface World {
  readonly keeper: AuditKeeper;
  readonly clock: ManualClock;
  readonly said: string[];
  /** When the oldest of what is on disk and not in the database yet came. */
  waitingSinceMs: number | undefined;
}

function keeperOver(
  table: SharedTable,
  { anchors = [], name = `p${(made += 1)}` }: { anchors?: readonly Anchor[]; name?: string } = {},
): World {
  const clock = new ManualClock();
  const said: string[] = [];
  const path = (file: string): string => join(directory, name, file);
  const world: Partial<World> = {};
  const keeper = new AuditKeeper({
    paths: { keys: path("keys.json"), checkpoints: path("checkpoints.ndjson"), chains: path("chains.json") },
    store: {
      isReady: true,
      select: (query, parameters) => table.select(query, parameters),
      insertRows: async () => {},
    },
    clock,
    telemetry: new Telemetry({ write: (line) => void said.push(line) }),
    checkpointIntervalMs: 1_000_000,
    holeGraceMs: GRACE_MS,
    anchors,
    checksSeal: true,
    oldestWaitingMs: () => world.waitingSinceMs,
    retentionMs: undefined,
  });
  return Object.assign(world, { keeper, clock, said, waitingSinceMs: undefined });
}

function store(table: SharedTable, { keeper }: World, seqs: readonly number[]): void {
  const links = seqs.map(link);
  table.links.push(...links);
  keeper.stored(links);
}

it("takes what another processor has stored from the database, and signs the chain as far as it goes together", async () => {
  const table = new SharedTable();
  const [one, other] = [keeperOver(table), keeperOver(table)];
  await one.keeper.start();
  await other.keeper.start();
  store(table, one, [1, 2, 3]);
  store(table, other, [4, 5]);
  await one.keeper.work();
  await other.keeper.work();
  expect(one.keeper.lastCheckpoint?.leaves).toEqual([[CHAIN, 3, hashOf(3), 0, false]]);
  // To this one, links are missing so far: nothing is signed of it, and nobody is alarmed.
  expect(other.keeper.lastCheckpoint).toBeUndefined();
  other.clock.advance(GRACE_MS + 1);
  await other.keeper.work();
  expect(other.keeper.lastCheckpoint?.leaves).toEqual([[CHAIN, 5, hashOf(5), 0, false]]);
  expect(other.keeper.counts()).toMatchObject({ missing: 0, holes: 0 });
  expect(other.said.join("")).not.toContain("audit_links_missing");
  expect(other.keeper.lastCheckpoint?.log).not.toBe(one.keeper.lastCheckpoint?.log);
  await Promise.all([one.keeper.stop(), other.keeper.stop()]);
});

it("tells of links that no processor has, once the grace is over", async () => {
  const table = new SharedTable();
  const world = keeperOver(table);
  await world.keeper.start();
  store(table, world, [1, 4]);
  await world.keeper.work();
  expect(world.keeper.counts()).toMatchObject({ missing: 0, holes: 1 });
  world.clock.advance(GRACE_MS + 1);
  await world.keeper.work();
  expect(world.keeper.counts()).toMatchObject({ missing: 2, holes: 0 });
  expect(world.said.join("")).toContain("from=2 to=3");
  await world.keeper.stop();
});

it("waits for links that may be on disk since before a kill, however long the database takes for them", async () => {
  const table = new SharedTable();
  const world = keeperOver(table);
  await world.keeper.start();
  world.waitingSinceMs = world.clock.now();
  world.clock.advance(1);
  store(table, world, [3, 4]);
  world.clock.advance(GRACE_MS + 1);
  await world.keeper.work();
  expect(world.keeper.counts()).toMatchObject({ missing: 0, holes: 1 });
  table.links.push(link(1), link(2));
  world.waitingSinceMs = undefined;
  await world.keeper.work();
  expect(world.keeper.counts()).toMatchObject({ missing: 0, holes: 0 });
  expect(world.keeper.lastCheckpoint?.leaves).toEqual([[CHAIN, 4, hashOf(4), 0, false]]);
  await world.keeper.stop();
});

it("signs what waited on disk at a kill, also where nobody adds to it", async () => {
  const table = new SharedTable();
  table.tellsEnds = true;
  const world = keeperOver(table);
  table.links.push(link(1));
  world.waitingSinceMs = world.clock.now() - 1;
  await world.keeper.start();
  await world.keeper.work();
  expect(world.keeper.lastCheckpoint?.leaves).toEqual([[CHAIN, 1, hashOf(1), 0, false]]);
  table.links.push(link(2), link(3));
  world.waitingSinceMs = undefined;
  await world.keeper.work();
  expect(world.keeper.lastCheckpoint?.leaves).toEqual([[CHAIN, 3, hashOf(3), 0, false]]);
  await world.keeper.stop();
});

/** An anchor that answers when the test says so. */
class TriedAnchor implements Anchor {
  readonly name = "tried";
  readonly kept: number[] = [];
  isDown = false;
  /** While set, nothing is answered. */
  wait: Promise<void> | undefined;

  async keep({ number }: Checkpoint): Promise<void> {
    await this.wait;
    if (this.isDown) throw new Error("connection refused");
    this.kept.push(number);
  }
}

it("brings the newest head to an anchor that was away, also when nothing new is signed and after a restart", async () => {
  const table = new SharedTable();
  const anchor = new TriedAnchor();
  anchor.isDown = true;
  const world = keeperOver(table, { anchors: [anchor], name: "anchored" });
  await world.keeper.start();
  store(table, world, [1]);
  await world.keeper.work();
  store(table, world, [2]);
  await world.keeper.work();
  await expect.poll(() => world.said.join(""), PATIENT).toContain("connection refused");
  expect([anchor.kept, world.keeper.counts().anchorsBehind]).toEqual([[], 1]);

  anchor.isDown = false;
  await world.keeper.work();
  await expect.poll(() => anchor.kept, PATIENT).toEqual([2]);
  expect(world.keeper.counts().anchorsBehind).toBe(0);

  anchor.isDown = true;
  store(table, world, [3]);
  await world.keeper.stop();
  anchor.isDown = false;
  const again = keeperOver(table, { anchors: [anchor], name: "anchored" });
  await again.keeper.start();
  await again.keeper.work();
  await expect.poll(() => anchor.kept, PATIENT).toEqual([2, 3]);
  await again.keeper.stop();
});

it("goes on signing while an anchor does not answer, and leaves the other anchors alone", async () => {
  const table = new SharedTable();
  const [slow, quick] = [new TriedAnchor(), new TriedAnchor()];
  const answer = Promise.withResolvers<void>();
  slow.wait = answer.promise;
  const world = keeperOver(table, { anchors: [slow, quick] });
  await world.keeper.start();
  for (const seq of [1, 2, 3]) {
    store(table, world, [seq]);
    await world.keeper.work();
  }
  expect(world.keeper.lastCheckpoint?.number).toBe(3);
  await expect.poll(() => quick.kept.at(-1), PATIENT).toBe(3);
  answer.resolve();
  // The head that was on its way, then the newest.
  await expect.poll(() => slow.kept, PATIENT).toEqual([1, 3]);
  await world.keeper.stop();
});

it("keeps heads in a file and at an HTTP endpoint, signed and without leaves", async () => {
  const received: string[] = [];
  let status = 500;
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (piece: Buffer) => (text += piece.toString()));
    request.on("end", () => {
      if (status < 300) received.push(`${String(request.headers["x-secret"])} ${text}`);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/heads`;
  const file = join(directory, "heads.ndjson");
  const table = new SharedTable();
  const world = keeperOver(table, { anchors: [fileAnchor(file), httpAnchor(url, { "x-secret": "s3" })] });
  try {
    await world.keeper.start();
    store(table, world, [1]);
    await world.keeper.work();
    await expect.poll(() => world.said.join(""), PATIENT).toContain("it answered 500");
    expect(world.said.join("")).not.toContain("s3");
    status = 204;
    await world.keeper.work();
    await expect.poll(() => received.length, PATIENT).toBe(1);
    const head = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>;
    expect(head).toMatchObject({ number: 1, log: world.keeper.lastCheckpoint?.log });
    expect(head).not.toHaveProperty("leaves");
    expect(received).toEqual([`s3 ${JSON.stringify(head)}`]);
  } finally {
    await world.keeper.stop();
    server.closeAllConnections();
    server.close();
  }
});

it("proves of its own log that it holds a leaf, and that it has only grown", async () => {
  const table = new SharedTable();
  const { keeper, ...rest } = keeperOver(table);
  await keeper.start();
  for (const seq of [1, 2, 3]) {
    store(table, { keeper, ...rest }, [seq]);
    await keeper.work();
  }
  const made = await logProof(keeper.readCheckpoints(1), { size: 3, leaf: 1 });
  expect(made).toMatchObject({ size: 3, root: keeper.lastCheckpoint?.root, leaf: [CHAIN, 2, hashOf(2), 0, false] });
  expect(await logProof(keeper.readCheckpoints(1), { size: 4, leaf: 1 })).toBeUndefined();
  expect(await logProof(keeper.readCheckpoints(1), { size: 3, leaf: 3 })).toBeUndefined();
  expect(await logProof(keeper.readCheckpoints(1), { size: 2, first: 3 })).toBeUndefined();
  await keeper.stop();
});
