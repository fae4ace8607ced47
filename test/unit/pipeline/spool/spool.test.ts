/**
 * Goal: what is acknowledged is on disk exactly once, and every span is accounted for at every moment.
 * Method: the real spool on a real directory; the only thing replaced is, where a test says so, the write to the disk.
 */
import { writeFileSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flowImbalance } from "../../../../src/component/flow.ts";
import type { Notice } from "../../../../src/component/notice.ts";
import type { Block } from "../../../../src/pipeline/spool/block-format.ts";
import type { Span } from "../../../../src/pdata/span.ts";
import { IdentityCell } from "../../../../src/pdata/identity.ts";
import { writeSpanIdentity } from "../../../../src/pdata/span-identity.ts";
import { sumSpend } from "../../../../src/pipeline/spool/spend-sum.ts";
import { Spool } from "../../../../src/pipeline/spool/spool.ts";
import type { SpoolOptions } from "../../../../src/pipeline/spool/spool-options.ts";
import { makeSpan } from "../../../fixtures/otlp/make-span.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

let directory: string;
let notices: Notice[];
let durable: Pick<Block, "token" | "spend">[];
const opened: Spool<Span>[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-spool-"));
  notices = [];
  durable = [];
});

afterEach(async () => {
  for (const spool of opened.splice(0)) await spool.close();
  await rm(directory, { recursive: true });
});

async function openSpool(changes: Partial<SpoolOptions<Span>> = {}): Promise<Spool<Span>> {
  const spool = new Spool<Span>({
    directory,
    bytesMax: 10_000_000,
    waitingRowsMax: 1_000,
    lingerMsMax: 0,
    retryAfterMs: 2_000,
    recent: { windowMs: 900_000, entriesMax: 10_000 },
    clock: new ManualClock(),
    notify: (notice) => notices.push(notice),
    identify: writeSpanIdentity,
    writeRows: (sink, rows) => sink.raw(Buffer.from(rows.map((row) => row.name).join(","))),
    spendOf: sumSpend,
    onDurable: (block) => durable.push(block),
    ...changes,
  });
  opened.push(spool);
  await spool.open();
  return spool;
}

const blockFiles = async (): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name.endsWith(".block")).toSorted();
const batchOf = (...indexes: number[]): Span[] => indexes.map((index) => makeSpan(index, { name: `s${index}` }));

describe("the spool", () => {
  it("joins batches that arrive together into one block, and answers each after it is on disk", async () => {
    const spool = await openSpool();
    const outcomes = await Promise.all([
      spool.append(batchOf(1)),
      spool.append(batchOf(2, 3)),
      spool.append(batchOf(4)),
    ]);
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(["success", "success", "success"]);
    const files = await blockFiles();
    expect(files).toHaveLength(1);
    const stored = await spool.oldest();
    expect(stored?.rowCount).toBe(4);
    expect(stored && (await spool.payload(stored))?.payload).toEqual(Buffer.from("s1,s2,s3,s4"));
    expect(durable.map((block) => block.token)).toEqual([stored?.token]);
  });

  it("fills the next block while one is written", async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    let writes = 0;
    const spool = await openSpool({
      writeFile: async (path, bytes) => {
        writes += 1;
        started.resolve();
        if (writes === 1) await gate.promise;
        await writeFile(path, bytes);
      },
    });
    const first = spool.append(batchOf(1));
    await started.promise;
    const later = [spool.append(batchOf(2)), spool.append(batchOf(3))];
    expect(spool.stats()).toMatchObject({ received: 3, inFlight: 3, blocks: 0 });
    gate.resolve();
    await Promise.all([first, ...later]);
    expect(writes).toBe(2);
    expect(await blockFiles()).toHaveLength(2);
  });

  it("holds a block open for a moment while more waits than is kept in memory, so that fewer files are read again", async () => {
    const clock = new ManualClock();
    const spool = await openSpool({ clock, lingerMsMax: 100, keptBytesMax: 1 });
    await spool.append(batchOf(1));
    const held = [spool.append(batchOf(2))];
    while (clock.pending === 0 && spool.stats().blocks === 1) await new Promise(setImmediate);
    held.push(spool.append(batchOf(3)));
    expect(spool.stats()).toMatchObject({ inFlight: 3, blocks: 1 });
    clock.advance(25);
    await Promise.all(held);
    expect(spool.stats()).toMatchObject({ inFlight: 3, blocks: 2 });
  });

  it("writes at once while all that waits is in memory, or nothing ever is", async () => {
    for (const keptBytesMax of [0, 1_000_000]) {
      const spool = await openSpool({
        lingerMsMax: 100,
        keptBytesMax,
        directory: join(directory, String(keptBytesMax)),
      });
      for (const index of [1, 2, 3]) expect((await spool.append(batchOf(index))).kind).toBe("success");
      expect(spool.stats()).toMatchObject({ blocks: 3 });
    }
  });

  it("never leaves a batch waiting that came just as the last write ended", async () => {
    const write = async (path: string, pieces: readonly Uint8Array[]) => writeFileSync(path, Buffer.concat(pieces));
    const spool = await openSpool({ writeFile: write });
    for (let round = 0; round < 50; round += 1) {
      const first = spool.append(batchOf(round * 2 + 1));
      let hops: Promise<unknown> = first;
      for (let hop = 0; hop < round % 10; hop += 1) hops = hops.then(() => undefined);
      await hops;
      expect((await spool.append(batchOf(round * 2 + 2))).kind).toBe("success");
    }
    expect(spool.stats()).toMatchObject({ received: 100, inFlight: 100 });
  });

  it("takes a span once: within a batch, in a later batch, and after its block was delivered", async () => {
    const spool = await openSpool();
    await spool.append(batchOf(1, 1, 2));
    await spool.append(batchOf(2, 3));
    const stored = await spool.oldest();
    if (stored !== undefined) await spool.delivered(stored);
    const outcome = await spool.append(batchOf(1, 2));
    expect(outcome.kind).toBe("success");
    expect(spool.stats()).toMatchObject({ received: 7, stored: 2, dropped: { duplicate: 4 }, inFlight: 1 });
    expect(flowImbalance(spool.stats())).toBe(0);
  });

  it("lets the resend of a batch that is being written wait for the first copy's write", async () => {
    const gate = Promise.withResolvers<void>();
    const spool = await openSpool({
      writeFile: async (path, bytes) => {
        await gate.promise;
        await writeFile(path, bytes);
      },
    });
    let isAnswered = false;
    const first = spool.append(batchOf(1));
    const resend = spool.append(batchOf(1)).then((outcome) => {
      isAnswered = true;
      return outcome;
    });
    await new Promise(setImmediate);
    expect(isAnswered).toBe(false);
    gate.resolve();
    expect([(await first).kind, (await resend).kind]).toEqual(["success", "success"]);
    expect(spool.stats()).toMatchObject({ received: 2, inFlight: 1, dropped: { duplicate: 1 } });
  });

  it("answers retryable when the disk is full, to the resend too, and takes the spans afterwards", async () => {
    let isFull = true;
    const spool = await openSpool({
      writeFile: async (path, bytes) => {
        if (isFull) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
        await writeFile(path, bytes);
      },
    });
    const outcomes = await Promise.all([spool.append(batchOf(1, 2)), spool.append(batchOf(2))]);
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(["retryable", "retryable"]);
    expect(outcomes[0]).toMatchObject({ retryAfterMs: 2_000, reason: "the spool can't be written: ENOSPC" });
    expect(await blockFiles()).toEqual([]);
    expect(spool.stats()).toMatchObject({ received: 3, refused: 3, inFlight: 0, dropped: {} });
    isFull = false;
    expect((await spool.append(batchOf(1, 2))).kind).toBe("success");
    expect(flowImbalance(spool.stats())).toBe(0);
  });

  it("answers retryable beyond its size, and takes spans again once a block was delivered", async () => {
    const spool = await openSpool({ bytesMax: 250 });
    expect((await spool.append(batchOf(1))).kind).toBe("success");
    expect(await spool.append(batchOf(2))).toMatchObject({ kind: "retryable", reason: "the spool is full" });
    const stored = await spool.oldest();
    if (stored !== undefined) await spool.delivered(stored);
    expect((await spool.append(batchOf(2))).kind).toBe("success");
    expect(flowImbalance(spool.stats())).toBe(0);
  });

  it("answers retryable when too many spans wait", async () => {
    const spool = await openSpool({ waitingRowsMax: 2 });
    const outcomes = await Promise.all([spool.append(batchOf(1, 2)), spool.append(batchOf(3))]);
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(["success", "retryable"]);
  });

  it("answers permanent for spans that can't be encoded, and goes on", async () => {
    let isBroken = true;
    const spool = await openSpool({
      writeRows: (sink) => {
        if (isBroken) throw new RangeError("out of range");
        sink.raw(Buffer.from("x"));
      },
    });
    expect((await spool.append(batchOf(1))).kind).toBe("permanent");
    isBroken = false;
    expect((await spool.append(batchOf(1))).kind).toBe("success");
    expect(flowImbalance(spool.stats())).toBe(0);
    expect(notices.map((notice) => notice.event)).toEqual(["spool_commit_broken"]);
  });

  it("adds up the spend of a block by labels and lease", async () => {
    const spool = await openSpool();
    const amounts = { nanoUsd: 5n, tokens: 2n, calls: 1n };
    const tokens = { inputTokens: 1, outputTokens: 1, cachedTokens: 0, reasoningTokens: 0 };
    const used = { nanoUsd: 5n, ...tokens, of: "call" } as const;
    const spend = (index: number, labels: Record<string, string>, leaseId: string) =>
      makeSpan(index, { facts: { spend: { labels, leaseId, ...used } } });
    await spool.append([
      spend(1, { a: "1", b: "2" }, ""),
      spend(2, { b: "2", a: "1" }, ""),
      spend(3, { a: "1" }, ""),
      spend(4, { a: "1", b: "2" }, "lease"),
      makeSpan(5),
    ]);
    expect(durable[0]?.spend).toMatchObject([
      { labels: { a: "1", b: "2" }, leaseId: "", amounts: { nanoUsd: 10n, tokens: 4n, calls: 2n } },
      { labels: { a: "1" }, leaseId: "", amounts },
      { labels: { a: "1", b: "2" }, leaseId: "lease", amounts },
    ]);
  });

  it("writes what it took before it closes, and refuses what comes after", async () => {
    const spool = await openSpool();
    const appended = spool.append(batchOf(1));
    await spool.close();
    expect((await appended).kind).toBe("success");
    expect((await spool.append(batchOf(2))).kind).toBe("retryable");
    expect((await spool.oldest())?.rowCount).toBe(1);
  });
});

describe("the spool after a crash", () => {
  it("delivers the leftover blocks in order under their tokens, and knows their spans", async () => {
    const before = await openSpool();
    await before.append(batchOf(1, 2));
    await before.append(batchOf(3));
    const tokens = durable.map((block) => block.token);
    durable = [];
    const after = await openSpool();
    expect(durable.map((block) => block.token)).toEqual(tokens);
    expect((await after.append(batchOf(1, 3, 4))).kind).toBe("success");
    const seen: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const stored = await after.oldest();
      if (stored === undefined) break;
      seen.push(Buffer.from((await after.payload(stored))?.payload ?? []).toString());
      await after.delivered(stored);
    }
    expect(seen).toEqual(["s1,s2", "s3", "s4"]);
    expect(after.stats()).toMatchObject({
      recovered: 3,
      received: 3,
      stored: 4,
      dropped: { duplicate: 2 },
      inFlight: 0,
    });
    expect(flowImbalance(after.stats())).toBe(0);
    expect(await blockFiles()).toEqual([]);
  });

  it("sets torn and damaged blocks aside by name, says so, and keeps the others", async () => {
    const before = await openSpool();
    for (const index of [1, 2, 3]) await before.append(batchOf(index));
    const [torn, damaged] = await blockFiles();
    await truncate(join(directory, torn ?? ""), 30);
    const bytes = await readFile(join(directory, damaged ?? ""));
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    await writeFile(join(directory, damaged ?? ""), bytes);
    await writeFile(join(directory, "0000000000000009-x.tmp"), "half");
    notices = [];
    const after = await openSpool();
    expect(after.stats()).toMatchObject({ recovered: 1, blocks: 1 });
    expect(await readdir(join(directory, "set-aside"))).toEqual([`${torn}.corrupt`, `${damaged}.corrupt`]);
    expect(notices.filter((notice) => notice.event === "block_set_aside")).toHaveLength(2);
    expect(await readdir(directory)).not.toContain("0000000000000009-x.tmp");
    expect((await after.append(batchOf(1))).kind).toBe("success");
  });

  it("knows the spans that it is told ClickHouse has", async () => {
    const spool = await openSpool();
    const identity = new IdentityCell();
    writeSpanIdentity(makeSpan(1), identity);
    spool.remember(identity.bytes);
    await spool.append(batchOf(1));
    expect(spool.stats()).toMatchObject({ received: 1, dropped: { duplicate: 1 }, inFlight: 0 });
  });
});
