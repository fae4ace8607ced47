/**
 * Goal: links may come in any order and any number of times, and the book ends up the same; only what never comes is missing.
 * Method: seeded shuffles with doubles, compared with the plain order.
 */
import { hash } from "node:crypto";
import { NO_LINK } from "@tollgate/instrumentation/audit";
import { describe, expect, it } from "vitest";
import { ChainBook } from "../../../src/audit/chain-book.ts";
import { ChainState } from "../../../src/audit/chain-state.ts";
import type { Link } from "../../../src/audit/link.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const CHAIN = "c".repeat(32);

function chainOf(length: number, { from = NO_LINK, chain = CHAIN, salt = "" } = {}): Link[] {
  let prev = from;
  return Array.from({ length }, (_none, index) => {
    const link = { chain, seq: index + 1, prev, hash: hash("sha256", `${salt}${prev}${index}`), isClosed: false };
    prev = link.hash;
    return link;
  });
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => [random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item);
}

describe("links that overtake each other", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("end up as one whole chain (seed %i)", (seed) => {
    const random = seededRandom(seed);
    const links = chainOf(200);
    const state = new ChainState();
    for (const link of shuffled([...links, ...links], random)) expect(state.note(link)).not.toBe("forked");
    expect(state.holes()).toEqual([]);
    expect(state.head()).toEqual({ seq: 200, hash: links[199]?.hash, missing: 0 });
  });

  it("leave holes where something never comes, however it is stored in between", () => {
    const random = seededRandom(3);
    let state = new ChainState();
    const kept = chainOf(50).filter(({ seq }) => seq !== 7 && (seq < 20 || seq > 24));
    for (const link of shuffled(kept, random)) {
      state.note(link);
      state = ChainState.restore(JSON.parse(JSON.stringify(state.store())));
    }
    expect(state.holes()).toEqual([
      { from: 7, to: 7 },
      { from: 20, to: 24 },
    ]);
    expect(state.head()).toMatchObject({ seq: 6, missing: 0 });
    state.giveUpHoles();
    expect(state.head()).toMatchObject({ seq: 50, missing: 6 });
    const late = chainOf(50)[6];
    expect(late === undefined ? "" : state.note(late)).toBe("late");
    expect(state.head()).toMatchObject({ seq: 50, missing: 5 });
  });
});

describe("links that can't both be true", () => {
  it("are a fork: one place, or one past, claimed twice", () => {
    const [first, second, third] = chainOf(3);
    const [, other] = chainOf(3, { salt: "other" });
    if (first === undefined || second === undefined || third === undefined || other === undefined) throw new Error();
    const state = new ChainState();
    expect(state.note(first)).toBe("extends");
    expect(state.note({ ...other, prev: first.hash })).toBe("extends");
    expect(state.note(second)).toBe("forked");
    expect(state.note(third)).toBe("forked");
    expect(state.isForked).toBe(true);
  });

  it("are a fork when the first follows on something", () => {
    const [first] = chainOf(1, { from: "a".repeat(64) });
    expect(first === undefined ? "" : new ChainState().note(first)).toBe("forked");
  });
});

describe("the book of chains", () => {
  const note = (book: ChainBook, links: readonly Link[], nowMs = 0): void => {
    for (const link of links) book.note(link, { agent: "bot", nowMs });
  };

  it("tells of a hole when it has been open for the grace, and of none that was filled", () => {
    const book = new ChainBook();
    const links = chainOf(9);
    note(book, [...links.slice(0, 3), ...links.slice(5)], 1_000);
    expect(book.holesBefore(999)).toEqual([]);
    expect(book.holesBefore(1_000)).toEqual([{ from: 4, to: 5, chain: CHAIN, agent: "bot" }]);
    note(book, links.slice(3, 5), 2_000);
    expect(book.holesBefore(9_000)).toEqual([]);
  });

  it("offers each head once, and again when it has moved", () => {
    const book = new ChainBook();
    const links = chainOf(5);
    note(book, links.slice(0, 2));
    const heads = book.movedHeads(10);
    expect(heads).toEqual([{ chain: CHAIN, seq: 2, hash: links[1]?.hash, missing: 0, isClosed: false }]);
    book.checkpointed(heads);
    expect(book.movedHeads(10)).toEqual([]);
    note(book, links.slice(2));
    expect(book.movedHeads(10)).toMatchObject([{ seq: 5 }]);
  });

  it("forgets complete chains first when it is full", () => {
    const book = new ChainBook({ chainsMax: 2 });
    const open = chainOf(2, { chain: "1".repeat(32) });
    const closed = chainOf(2, { chain: "2".repeat(32) }).map((link) => ({ ...link, isClosed: link.seq === 2 }));
    note(book, [...open, ...closed]);
    book.checkpointed(book.movedHeads(10));
    note(book, chainOf(1, { chain: "3".repeat(32) }));
    expect(book.lastSeq("1".repeat(32))).toBe(2);
    expect(book.lastSeq("2".repeat(32))).toBe(0);
  });

  it("is the same after it was stored", () => {
    const book = new ChainBook();
    note(book, chainOf(9).toSpliced(4, 1), 5);
    const again = new ChainBook();
    again.restore(JSON.parse(JSON.stringify(book.store())));
    expect(again.store()).toEqual(book.store());
    expect(again.holesBefore(5)).toEqual(book.holesBefore(5));
  });
});
