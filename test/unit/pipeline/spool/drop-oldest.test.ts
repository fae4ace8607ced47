/** Goal: a queue that may drop never refuses, drops what waited longest, and accounts for every row of it. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { flowImbalance } from "../../../../src/component/flow.ts";
import { SILENT } from "../../../../src/component/notice.ts";
import type { Span } from "../../../../src/pdata/span.ts";
import { writeSpanIdentity } from "../../../../src/pdata/span-identity.ts";
import { Spool } from "../../../../src/pipeline/spool/spool.ts";
import { makeSpan } from "../../../fixtures/otlp/make-span.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const PAYLOAD_BYTES = 1_000;

let directory: string;
let spool: Spool<Span>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-spool-"));
  spool = new Spool<Span>({
    directory,
    bytesMax: 4 * PAYLOAD_BYTES,
    waitingRowsMax: 1_000,
    lingerMsMax: 0,
    retryAfterMs: 2_000,
    onFull: "drop_oldest",
    recent: { windowMs: 900_000, entriesMax: 10_000 },
    clock: new ManualClock(),
    notify: SILENT,
    identify: writeSpanIdentity,
    writeRows: (sink, rows) => sink.raw(Buffer.alloc(PAYLOAD_BYTES, rows[0]?.name)),
  });
  await spool.open();
});

afterEach(async () => {
  await spool.close();
  await rm(directory, { recursive: true });
});

it("makes room by dropping the oldest blocks, but never the one that may be under way", async () => {
  for (let index = 1; index <= 9; index += 1) {
    expect(await spool.append([makeSpan(index, { name: String(index) })])).toMatchObject({ kind: "success" });
    expect(flowImbalance(spool.stats())).toBe(0);
  }
  expect(spool.stats()).toMatchObject({ received: 9, refused: 0, dropped: { queue_full: 6 }, inFlight: 3, blocks: 3 });
  expect((await readdir(directory)).filter((name) => name.endsWith(".block"))).toHaveLength(3);
  const left: string[] = [];
  for (let block = await spool.oldest(); block !== undefined && left.length < 3; block = await spool.oldest()) {
    left.push(String.fromCharCode((await spool.payload(block))?.payload[0] ?? 0));
    await spool.delivered(block);
    if (spool.stats().blocks === 0) break;
  }
  expect(left).toEqual(["1", "8", "9"]);
});

it("drops none of several that are under way, until others are", async () => {
  const append = (index: number) => spool.append([makeSpan(index, { name: String(index) })]);
  for (const index of [1, 2, 3]) await append(index);
  const underWay = await spool.several({ rowsMax: 2, bytesMax: 1_000_000 });
  expect(underWay).toHaveLength(2);
  for (const index of [4, 5]) expect(await append(index)).toMatchObject({ kind: "success" });
  expect(spool.stats()).toMatchObject({ dropped: { queue_full: 2 }, blocks: 3 });
  for (const block of underWay) await spool.delivered(block);
  const waiting = await spool.several({ rowsMax: 2, bytesMax: 1_000_000 });
  const payloads = await Promise.all(waiting.map((block) => spool.payload(block)));
  expect(payloads.map((read) => String.fromCharCode(read?.payload[0] ?? 0))).toEqual(["5"]);
  expect(spool.stats()).toMatchObject({ received: 5, stored: 2, inFlight: 1 });
  expect(flowImbalance(spool.stats())).toBe(0);
});

it("counts rows of a block that ended otherwise by their reason", async () => {
  await spool.append([makeSpan(1), makeSpan(2), makeSpan(3)]);
  const block = await spool.oldest();
  if (block !== undefined) await spool.delivered(block, { refused_by_backend: 2 });
  expect(spool.stats()).toMatchObject({ stored: 1, dropped: { refused_by_backend: 2 }, inFlight: 0 });
  expect(flowImbalance(spool.stats())).toBe(0);
});
