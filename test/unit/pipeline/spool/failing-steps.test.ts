/**
 * Goal: whichever step of the spool fails, every row stays accounted for, and what comes after it goes on.
 * Method: the real spool on a real directory. A step fails because what the spool was given throws, or because the file that it
 * works on is a directory now (nobody can unlink that), or is gone.
 */
import { mkdir, mkdtemp, readdir, rm, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flowImbalance } from "../../../../src/component/flow.ts";
import type { Notice } from "../../../../src/component/notice.ts";
import { SUCCESS } from "../../../../src/component/outcome.ts";
import { Delivery } from "../../../../src/pipeline/spool/delivery.ts";
import type { Spool } from "../../../../src/pipeline/spool/spool.ts";
import type { SpoolOptions } from "../../../../src/pipeline/spool/spool-options.ts";
import { SystemClock } from "../../../../src/support/clock.ts";
import { openTextSpool } from "../../../support/text-spool.ts";

const TOGETHER = { rowsMax: 1_000, bytesMax: 1_000_000 };

let directory: string;
let notices: Notice[];
let spool: Spool<string>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-failing-"));
  notices = [];
});

afterEach(async () => {
  await spool.close();
  await rm(directory, { recursive: true });
});

async function openSpool(changes: Partial<SpoolOptions<string>> = {}): Promise<void> {
  const notify = (notice: Notice): void => void notices.push(notice);
  spool = await openTextSpool({ directory, notify, keptBytesMax: 1_000_000, ...changes });
}

/** Delivers until the spool is empty. What the far side was sent. */
async function deliverAll(): Promise<string[]> {
  const sent: string[] = [];
  const delivery = new Delivery({
    spool,
    clock: new SystemClock(),
    notify: (notice) => notices.push(notice),
    retry: { initialIntervalMs: 1, maxIntervalMs: 2, permanentAttempts: 1 },
    batch: { ...TOGETHER, flushTimeoutMs: 0 },
    drainTimeoutMs: 10_000,
    send: async ({ payloads }) => {
      sent.push(Buffer.concat(payloads).toString());
      return SUCCESS;
    },
  });
  delivery.start();
  await spool.close();
  await delivery.stop();
  return sent;
}

const blockFiles = async (): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name.endsWith(".block")).toSorted();
const told = (event: string): Notice[] => notices.filter((notice) => notice.event === event);

/** Puts a directory in the file's place; returns what puts an end to that. */
async function makeStubborn(name: string): Promise<() => Promise<void>> {
  await unlink(join(directory, name));
  await mkdir(join(directory, name));
  return () => rmdir(join(directory, name));
}

describe("a batch", () => {
  it("of which a row can't be identified is refused from there on; what came before and comes later is stored", async () => {
    await openSpool({
      identify: (row, target) => {
        if (row === "!") throw new Error("no identity");
        target.bytes.fill(0).write(row);
      },
    });
    const outcomes = await Promise.all([
      spool.append(["a", "b"]),
      spool.append(["b", "c", "!", "d"]),
      spool.append(["e"]),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["success", "permanent", "success"]);
    expect(spool.stats()).toMatchObject({ received: 7, refused: 2, dropped: { duplicate: 1 }, inFlight: 4 });
    expect(await spool.append(["!"])).toMatchObject({ kind: "permanent" });
    expect(await deliverAll()).toEqual(["abce"]);
    expect(spool.stats()).toMatchObject({ received: 8, stored: 4, refused: 3, inFlight: 0 });
    expect(flowImbalance(spool.stats())).toBe(0);
    expect(told("spool_append_broken")).toHaveLength(2);
  });

  it.each(["spendOf", "writeRows"] as const)(
    "whose %s throws is refused whole, and the next one is stored",
    async (step) => {
      let isBroken = true;
      const fail = (): void => {
        if (isBroken) throw new Error("no");
      };
      await openSpool({
        spendOf: () => {
          if (step === "spendOf") fail();
          return [];
        },
        writeRows: (sink, rows) => {
          if (step === "writeRows") fail();
          sink.raw(Buffer.from(rows.join("")));
        },
      });
      expect(await spool.append(["a", "b"])).toMatchObject({ kind: "permanent" });
      expect(spool.stats()).toMatchObject({ received: 2, refused: 2, inFlight: 0 });
      isBroken = false;
      expect(await spool.append(["a"])).toMatchObject({ kind: "success" });
      expect(await deliverAll()).toEqual(["a"]);
      expect(flowImbalance(spool.stats())).toBe(0);
    },
  );

  it("that is on disk is taken, whatever becomes of those who are told so", async () => {
    await openSpool({
      onDurable: () => {
        throw new Error("nobody hears");
      },
    });
    expect(await spool.append(["a", "b"])).toEqual(SUCCESS);
    expect(spool.stats()).toMatchObject({ received: 2, refused: 0, inFlight: 2, blocks: 1 });
    expect(told("block_not_told")).toHaveLength(1);
    await spool.close();
    await openSpool({
      onDurable: () => {
        throw new Error("nobody hears");
      },
    });
    expect(spool.stats()).toMatchObject({ recovered: 2, inFlight: 2, blocks: 1 });
    expect(await deliverAll()).toEqual(["ab"]);
    expect(spool.stats()).toMatchObject({ stored: 2, inFlight: 0 });
  });
});

describe("a block's file that can't be removed", () => {
  it("is tried again without sending anything twice, and its rows count once", async () => {
    await openSpool();
    for (const row of ["a", "b", "c"]) await spool.append([row]);
    const [, second = ""] = await blockFiles();
    const relent = await makeStubborn(second);
    const relenting = (async () => {
      while (told("block_delivery_failed").length < 3) {
        await new Promise(setImmediate);
        expect(flowImbalance(spool.stats())).toBe(0);
      }
      expect(spool.stats()).toMatchObject({ stored: 0, inFlight: 3 });
      await relent();
    })();
    const sent = await deliverAll();
    await relenting;
    expect(sent).toEqual(["abc"]);
    expect(spool.stats()).toMatchObject({ received: 3, stored: 3, dropped: {}, inFlight: 0, blocks: 0 });
    expect(await readdir(directory)).toEqual(["set-aside"]);
  });

  it("does not make room: what comes then is refused, and the block is delivered in its turn", async () => {
    const row = (letter: string): string => letter.repeat(1_000);
    await openSpool({
      onFull: "drop_oldest",
      bytesMax: 4_000,
      identify: (text, target) => target.bytes.fill(0).write(text[0] ?? ""),
    });
    for (const letter of ["a", "b", "c"]) expect((await spool.append([row(letter)])).kind).toBe("success");
    const [, second = ""] = await blockFiles();
    await makeStubborn(second);
    expect(await spool.append([row("d")])).toMatchObject({ kind: "retryable" });
    expect(spool.stats()).toMatchObject({ received: 4, refused: 1, dropped: {}, inFlight: 3, blocks: 3 });
    expect(flowImbalance(spool.stats())).toBe(0);
    expect((await spool.several(TOGETHER)).map(({ name }) => name)).toEqual(await blockFiles());
  });
});

describe("a block's file that somebody has taken away", () => {
  it("is missed once it is to be read, counted, and holds up nobody", async () => {
    await openSpool({ keptBytesMax: 0 });
    for (const row of ["a", "b", "c"]) await spool.append([row]);
    const [, second = ""] = await blockFiles();
    await unlink(join(directory, second));
    const sent = await deliverAll();
    expect(sent.join("").split("").toSorted()).toEqual(["a", "c"]);
    expect(spool.stats()).toMatchObject({ received: 3, stored: 2, dropped: { corrupt: 1 }, inFlight: 0, blocks: 0 });
    expect(flowImbalance(spool.stats())).toBe(0);
    expect(spool.stats().bytes).toBe(0);
    expect(told("block_delivery_failed")).toEqual([]);
    expect(told("block_gone")).toHaveLength(1);
  });

  it("with the file that says which go together, is missed as little", async () => {
    await openSpool();
    for (const row of ["a", "b"]) await spool.append([row]);
    const group = await spool.next(TOGETHER);
    for (const name of await readdir(directory)) if (name !== "set-aside") await unlink(join(directory, name));
    if (group !== undefined) await spool.finish(group);
    expect(spool.stats()).toMatchObject({ stored: 2, inFlight: 0, blocks: 0, bytes: 0 });
  });

  it("is all of a shipment: it ends with it", async () => {
    await openSpool({ keptBytesMax: 0 });
    for (const row of ["a", "b"]) await spool.append([row]);
    for (const name of await blockFiles()) await unlink(join(directory, name));
    expect(await deliverAll()).toEqual([]);
    expect(spool.stats()).toMatchObject({ received: 2, stored: 0, dropped: { corrupt: 2 }, inFlight: 0, blocks: 0 });
    expect(await readdir(directory)).toEqual(["set-aside"]);
  });
});
