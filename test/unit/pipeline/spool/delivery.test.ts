/**
 * Goal: every row reaches the other side once, in order, over crashes at any step, and wrong rows hold up nobody else.
 * Method: the real spool on a real directory against a far side that is idempotent by token as ClickHouse is, may forget its
 * tokens, refuses rows by name, and may crash the process before or after a shipment. A row is one letter.
 */
import fc from "fast-check";
import { cpSync, existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flowImbalance } from "../../../../src/component/flow.ts";
import type { Notice } from "../../../../src/component/notice.ts";
import { type Outcome, SUCCESS } from "../../../../src/component/outcome.ts";
import { type Block, decodeBlock } from "../../../../src/pipeline/spool/block-format.ts";
import {
  Delivery,
  type DeliveryOptions,
  type Presence,
  type Shipment,
} from "../../../../src/pipeline/spool/delivery.ts";
import type { Spool } from "../../../../src/pipeline/spool/spool.ts";
import type { SpoolOptions } from "../../../../src/pipeline/spool/spool-options.ts";
import { SystemClock } from "../../../../src/support/clock.ts";
import { openTextSpool } from "../../../support/text-spool.ts";

const PERMANENT: Outcome = { kind: "permanent", reason: "bad row" };
const AWAY: Outcome = { kind: "retryable", reason: "away" };
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

class FarSide {
  readonly rows: string[] = [];
  readonly shipments: string[] = [];
  readonly tokens = new Map<string, string>();
  refused = new Set<string>();
  /** What happens to the next shipments: `lost` is taken and not answered, of `half` only the token and the first row are. */
  plan: ("away" | "lost" | "half")[] = [];
  isAlone = true;

  async take({ token, payloads }: Shipment): Promise<Outcome> {
    const text = Buffer.concat(payloads).toString();
    this.shipments.push(text);
    const step = this.plan.shift();
    if (step === "away") return AWAY;
    if (text.split("").some((letter) => this.refused.has(letter))) return PERMANENT;
    const known = this.tokens.get(token);
    if (known !== undefined && known !== text) throw new TypeError(`token ${token} was ${known}, is ${text}`);
    if (known === undefined) this.rows.push(...text.slice(0, step === "half" ? 1 : undefined).split(""));
    this.tokens.set(token, text);
    if (step === "lost" || step === "half") throw new Error("connection lost");
    return SUCCESS;
  }

  presence = async (block: Block): Promise<Presence> => ({
    isThere: Uint8Array.from(block.payload, (letter) => (this.rows.includes(String.fromCharCode(letter)) ? 1 : 0)),
    isForgotten: this.tokens.size === 0,
    isCertain: this.isAlone,
  });
}

let root: string;
let directory: string;
let far: FarSide;
let notices: Notice[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "tollgate-delivery-"));
  directory = join(root, "spool");
  far = new FarSide();
  notices = [];
});

afterEach(() => rm(root, { recursive: true }));

async function openSpool(path = directory, changes: Partial<SpoolOptions<string>> = {}): Promise<Spool<string>> {
  return openTextSpool({ directory: path, notify: (notice) => notices.push(notice), ...changes });
}

function deliveryOf(spool: Spool<string>, changes: Partial<DeliveryOptions> = {}): Delivery {
  return new Delivery({
    spool,
    clock: new SystemClock(),
    notify: (notice) => notices.push(notice),
    retry: { initialIntervalMs: 1, maxIntervalMs: 2, permanentAttempts: 2 },
    batch: { rowsMax: 6, bytesMax: 10_000, flushTimeoutMs: 0 },
    drainTimeoutMs: 20_000,
    send: (shipment) => far.take(shipment),
    select: (payload, rows) => Buffer.from(Array.from(rows, (row) => payload[row] ?? 0)),
    presence: far.presence,
    ...changes,
  });
}

/** Delivers all that is there. */
async function drain(spool: Spool<string>, changes: Partial<DeliveryOptions> = {}): Promise<void> {
  const delivery = deliveryOf(spool, changes);
  delivery.start();
  await spool.close();
  await delivery.stop();
}

async function fill(spool: Spool<string>, blocks: readonly string[]): Promise<void> {
  for (const block of blocks) expect((await spool.append(block.split(""))).kind).toBe("success");
}

const filesIn = async (path: string): Promise<string[]> =>
  (await readdir(path)).filter((name) => name !== "set-aside").toSorted();

describe("a delivery", () => {
  it("sends blocks that wait together, up to the bound, in order", async () => {
    const spool = await openSpool();
    await fill(spool, ["ab", "cd", "ef", "gh", "i"]);
    await drain(spool);
    expect(far.shipments).toEqual(["abcdef", "ghi"]);
    expect(spool.stats()).toMatchObject({ stored: 9, inFlight: 0, blocks: 0 });
    expect(await filesIn(directory)).toEqual([]);
  });

  it("sends the very same shipment again when nobody knows what became of it, whatever has come since", async () => {
    const spool = await openSpool();
    await fill(spool, ["ab", "cd"]);
    far.plan.push("lost", "away", "lost");
    await drain(spool);
    expect(new Set(far.shipments)).toEqual(new Set(["abcd"]));
    expect(far.rows.join("")).toBe("abcd");
  });

  it("finds the wrong rows among many, sets only them aside with the reason, and delivers the rest", async () => {
    const spool = await openSpool();
    await fill(spool, ["ab", "cde", "f"]);
    far.refused = new Set("bd");
    await drain(spool);
    expect(far.rows.toSorted().join("")).toBe("acef");
    expect(spool.stats()).toMatchObject({ stored: 4, dropped: { poison: 2 }, inFlight: 0, setAsideBlocks: 2 });
    expect(flowImbalance(spool.stats())).toBe(0);
    const aside = await Promise.all(
      (await filesIn(join(directory, "set-aside"))).map(async (name) =>
        decodeBlock(await readFile(join(directory, "set-aside", name))),
      ),
    );
    expect(
      aside.map((found) => (found.kind === "block" ? [String(found.block.payload), found.block.reason] : [])),
    ).toEqual([
      ["b", "bad row"],
      ["d", "bad row"],
    ]);
    expect(notices.filter((notice) => notice.event === "block_set_aside")).toHaveLength(2);
  });

  it("sets a refused block aside whole when its rows can't be told apart", async () => {
    const spool = await openSpool();
    await fill(spool, ["abc"]);
    far.refused = new Set("b");
    await drain(spool, { select: () => undefined });
    expect(spool.stats()).toMatchObject({ stored: 0, dropped: { poison: 3 }, setAsideBlocks: 1 });
  });

  it("keeps the whole block aside when the disk has no room for its wrong rows, and goes on", async () => {
    const spool = await openSpool(directory, {
      writeFile: async (path, bytes) => {
        if (path.endsWith(".poison")) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
        await writeFile(path, bytes);
      },
    });
    await fill(spool, ["abc", "d"]);
    far.refused = new Set("b");
    await drain(spool);
    expect(far.rows.toSorted().join("")).toBe("acd");
    expect(spool.stats()).toMatchObject({ stored: 3, dropped: { poison: 1 }, inFlight: 0, setAsideBlocks: 1 });
    expect(await filesIn(directory)).toEqual([]);
  });

  it("keeps no more aside than it may, says what went, and never the newest", async () => {
    const spool = await openSpool(directory, { setAsideBytesMax: 1 });
    await fill(spool, ["a", "b", "c"]);
    far.refused = new Set("abc");
    await drain(spool, { batch: { rowsMax: 1, bytesMax: 1, flushTimeoutMs: 0 } });
    expect(notices.filter((notice) => notice.event === "set_aside_removed")).toHaveLength(2);
    expect(await filesIn(join(directory, "set-aside"))).toHaveLength(1);
  });
});

describe("a delivery after a crash", () => {
  it("sends the same shipment under the same token, and what came later apart", async () => {
    const before = await openSpool();
    await fill(before, ["ab", "cd"]);
    far.plan.push(...Array.from({ length: 1_000 }, () => "lost" as const));
    await drain(before, { drainTimeoutMs: 60 });
    far.plan.length = 0;
    const after = await openSpool();
    await fill(after, ["ef"]);
    await drain(after);
    expect(far.shipments.at(-1)).toBe("ef");
    expect(far.rows.join("")).toBe("abcdef");
    expect(flowImbalance(after.stats())).toBe(0);
  });

  it("does not send rows again that are there, when their token may be forgotten", async () => {
    const before = await openSpool();
    await fill(before, ["ab", "cd"]);
    far.plan.push("lost", ...Array.from({ length: 1_000 }, () => "away" as const));
    const killed = deliveryOf(before, { drainTimeoutMs: 0 });
    killed.start();
    await expect.poll(() => far.rows.join(""), { timeout: 20_000 }).toBe("abcd");
    await killed.stop();
    await before.close();
    far.plan.length = 0;
    far.tokens.clear();
    far.rows.splice(1, 1);
    await drain(await openSpool());
    expect(far.rows.toSorted().join("")).toBe("abcd");
  });

  it("forgets a shipment of which a block is gone: it had arrived", async () => {
    const spool = await openSpool();
    await fill(spool, ["ab", "cd"]);
    const group = await spool.next({ rowsMax: 10, bytesMax: 10_000 });
    expect(await filesIn(directory)).toHaveLength(3);
    await rm(join(directory, group?.blocks[1]?.name ?? ""));
    await spool.close();
    const after = await openSpool();
    expect(after.stats()).toMatchObject({ recovered: 0, blocks: 0 });
    expect(await filesIn(directory)).toEqual([]);
    await drain(after);
    expect(far.rows).toEqual([]);
  });

  it("loses and doubles nothing wherever it is cut off, be it in the middle of sending or of halving", async () => {
    const property = fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 }),
      fc.subarray(LETTERS.slice(0, 6).split(""), { maxLength: 2 }),
      fc.array(fc.nat(12), { minLength: 1, maxLength: 3 }),
      async (sizes, refused, cuts) => {
        far = new FarSide();
        far.refused = new Set(refused);
        const run = await mkdtemp(join(root, "run-"));
        let at = 0;
        const blocks = sizes.map((size) => LETTERS.slice(at, (at += size)));
        const first = await openSpool(join(run, "0"));
        await fill(first, blocks);
        await first.close();
        for (const [index, cut] of cuts.entries()) await crash(run, { index, cut });
        const last = await openSpool(join(run, String(cuts.length)));
        await drain(last);
        const kept = await readdir(join(run, String(cuts.length), "set-aside"));
        const good = blocks
          .join("")
          .split("")
          .filter((letter) => !refused.includes(letter));
        expect(far.rows.toSorted()).toEqual(good);
        expect(new Set(kept).size).toBe(
          blocks
            .join("")
            .split("")
            .filter((letter) => refused.includes(letter)).length,
        );
        expect(flowImbalance(last.stats())).toBe(0);
        expect(last.stats().inFlight).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
});

/**
 * Delivers until the far side was called `cut` times or all is done, takes a copy of the directory as it is at that moment, as a kill
 * would leave it, and goes on with the copy.
 */
async function crash(run: string, { index, cut }: { readonly index: number; readonly cut: number }): Promise<void> {
  const from = join(run, String(index));
  const to = join(run, String(index + 1));
  const spool = await openSpool(from);
  let calls = 0;
  const copy = (): void => {
    if (!existsSync(to)) cpSync(from, to, { recursive: true });
  };
  await drain(spool, {
    send: async (shipment) => {
      calls += 1;
      // From the copy on, this process is dead to the far side.
      if (existsSync(to)) return AWAY;
      if (calls > cut && cut % 2 === 0) copy();
      const outcome = existsSync(to) ? AWAY : await far.take(shipment);
      if (calls > cut) copy();
      return outcome;
    },
    drainTimeoutMs: 100,
  });
  copy();
}

it("what is remembered and not there is sent again, those rows only, and told", async () => {
  const spool = await openSpool();
  await fill(spool, ["abc", "def"]);
  far.plan = ["half"];
  await drain(spool);
  expect(far.rows.join("")).toBe("abcdef");
  expect(far.shipments).toEqual(["abcdef", "abcdef", "bc", "def"]);
  expect(notices.map(({ event }) => event)).toContain("rows_not_there");
});

it("where another server may have the rows, what one does not show is not sent again", async () => {
  const spool = await openSpool();
  await fill(spool, ["abc"]);
  far.isAlone = false;
  far.plan = ["half"];
  await drain(spool);
  expect(far.shipments).toEqual(["abc", "abc"]);
});

it("a shipment that arrives at once is not looked up", async () => {
  const spool = await openSpool();
  await fill(spool, ["abc"]);
  let asked = 0;
  await drain(spool, {
    presence: (block) => {
      asked += 1;
      return far.presence(block);
    },
  });
  expect({ asked, rows: far.rows.join("") }).toEqual({ asked: 0, rows: "abc" });
});
