/**
 * Goal: a disk that is full, under senders who take every byte as it comes free, is emptied in large shipments all the same.
 * Method: the real spool in a real directory, whose files may have so many bytes in all.
 */
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { flowImbalance } from "../../../../src/component/flow.ts";
import { writeSpanIdentity } from "../../../../src/pdata/span-identity.ts";
import type { Span } from "../../../../src/pdata/span.ts";
import type { WriteFileDurably } from "../../../../src/pipeline/spool/block-store.ts";
import { Spool } from "../../../../src/pipeline/spool/spool.ts";
import { makeSpan } from "../../../fixtures/otlp/make-span.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const DISK_BYTES = 50_000;
const BLOCKS = 40;
const LIMITS = { rowsMax: 1_000, bytesMax: 1_000_000 };

let directory: string;
let spool: Spool<Span>;
const clock = new ManualClock();
let made = 0;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-full-"));
});

afterEach(async () => {
  await spool.close();
  await rm(directory, { recursive: true });
});

async function openSpool(code: string): Promise<void> {
  const onDiskOf: WriteFileDurably = async (path, pieces) => {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if ((await usedBytes()) + bytes > DISK_BYTES) throw Object.assign(new Error("no"), { code });
    await writeFile(path, Buffer.concat(pieces));
  };
  spool = new Spool<Span>({
    directory,
    bytesMax: 10 * DISK_BYTES,
    waitingRowsMax: 1_000,
    lingerMsMax: 0,
    retryAfterMs: 2_000,
    recent: { windowMs: 900_000, entriesMax: 10_000 },
    clock,
    notify: () => undefined,
    identify: writeSpanIdentity,
    writeRows: (sink) => sink.raw(Buffer.alloc(2_000)),
    writeFile: onDiskOf,
  });
  await spool.open();
}

async function usedBytes(): Promise<number> {
  let used = 0;
  for (const entry of await readdir(directory)) used += (await stat(join(directory, entry))).size;
  return used - (await stat(join(directory, "set-aside"))).size;
}

/** Sends new blocks until one is refused. How many were taken. */
async function fill(): Promise<number> {
  for (let taken = 0; ; taken += 1) {
    made += 1;
    if ((await spool.append([makeSpan(made)])).kind !== "success") return taken;
  }
}

/** Shipments until so many blocks are gone, while senders fill what comes free. */
async function shipmentsFor(blocks: number): Promise<number> {
  let shipments = 0;
  for (let left = blocks; left > 0; shipments += 1) {
    await fill();
    const group = await spool.next(LIMITS);
    left -= group?.blocks.length ?? 0;
    if (group !== undefined) await spool.finish(group);
  }
  return shipments;
}

it.each(["ENOSPC", "EDQUOT"])("(%s) keeps what comes free for the file that lets blocks go together", async (code) => {
  await openSpool(code);
  expect(await fill()).toBeGreaterThan(15);
  expect(await shipmentsFor(BLOCKS)).toBeLessThan(8);
  expect(flowImbalance(spool.stats())).toBe(0);
});

it("takes rows again once all but one have been delivered, whatever became of the rest", async () => {
  await openSpool("ENOSPC");
  await fill();
  await spool.next(LIMITS);
  expect(spool.isShort).toBe(true);
  expect((await spool.append([makeSpan(0)])).kind).toBe("retryable");
  for (let block = await spool.oldest(); spool.stats().blocks > 1; block = await spool.oldest()) {
    if (block !== undefined) await spool.delivered(block);
  }
  expect(spool.isShort).toBe(false);
  expect((await spool.append([makeSpan(0)])).kind).toBe("success");
});

it("looks for room again after a while, though nothing was delivered", async () => {
  await openSpool("ENOSPC");
  await fill();
  await spool.next(LIMITS);
  expect(spool.isShort).toBe(true);
  clock.advance(10_000);
  expect(spool.isShort).toBe(false);
});
