import { describe, expect, it } from "vitest";
import { IdentityCell } from "../../../src/pdata/identity.ts";
import { RecentIdentities } from "../../../src/pdata/recent-identities.ts";

const COUNT = 64;

function cellOf(number: number): IdentityCell {
  const cell = new IdentityCell();
  cell.words.fill(number * 7);
  cell.words[5] = number;
  return cell;
}

describe("recent identities", () => {
  it("always know the latest, each with the value it was given last", () => {
    const recent = new RecentIdentities(COUNT);
    for (let number = 0; number < 10 * COUNT; number += 1) {
      recent.set(cellOf(number), false);
      recent.set(cellOf(number), number % 3 === 0);
      for (let back = 0; back < COUNT / 2 && back <= number; back += 1) {
        expect(recent.get(cellOf(number - back))).toBe((number - back) % 3 === 0);
      }
    }
  });

  it("forget what nobody has asked for while twice as many came", () => {
    const recent = new RecentIdentities(COUNT);
    recent.set(cellOf(0), true);
    for (let number = 1; number <= 2 * COUNT; number += 1) recent.set(cellOf(number), true);
    expect(recent.get(cellOf(0))).toBe(undefined);
  });

  it("are told apart where their hashes are the same", () => {
    for (const hash of [0, 5, -1, 0x7fff_0005]) {
      const recent = new RecentIdentities(COUNT);
      for (let number = 0; number < 10; number += 1) recent.set(cellOf(number), number % 2 === 0, hash);
      for (let number = 0; number < 10; number += 1) expect(recent.get(cellOf(number), hash)).toBe(number % 2 === 0);
      expect(recent.get(cellOf(10), hash)).toBe(undefined);
    }
  });

  it("keep what is asked for, however many come", () => {
    const recent = new RecentIdentities(COUNT);
    recent.set(cellOf(0), true);
    for (let round = 1; round <= 40; round += 1) {
      for (let number = 1; number <= COUNT / 2; number += 1) recent.set(cellOf(round * COUNT + number), false);
      expect(recent.get(cellOf(0))).toBe(true);
    }
  });
});
