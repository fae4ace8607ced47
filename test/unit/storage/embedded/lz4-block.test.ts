/**
 * Goal: what is packed unpacks to the same bytes, and no bytes, however hostile, make the reader read or write out of
 * bounds or promise more than it gives. Method: blocks from the format's own description, and properties.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Lz4Error, packBlock, packedBytesMax, unpackBlock } from "../../../../src/storage/embedded/lz4-block.ts";

/** Bytes that repeat themselves, as rows do, so that matches of all lengths and offsets come up. */
const repetitive = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .record({ byte: fc.nat(255), length: fc.nat(700) })
        .map(({ byte, length }) => new Uint8Array(length).fill(byte)),
      fc.nat(3).map((index) => Buffer.from(["agent-", '{"trace":"', "input_tokens", "\0\0\0\0"][index] ?? "")),
    ),
    { maxLength: 200 },
  )
  .map((parts) => Buffer.concat(parts));

/** How many bytes it gave, or that it refused; any other error is thrown on. */
function outcomeOf(block: Uint8Array, size: number): number | "refused" {
  try {
    return unpackBlock(block, size).length;
  } catch (error) {
    if (error instanceof Lz4Error) return "refused";
    throw error;
  }
}

describe("packing", () => {
  test("gives a block that unpacks to the same bytes, within the bound", () => {
    fc.assert(
      fc.property(repetitive, (bytes) => {
        const block = packBlock(bytes);
        expect(block.length).toBeLessThanOrEqual(packedBytesMax(bytes.length));
        expect(unpackBlock(block, bytes.length).equals(bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("handles offsets up to and beyond the farthest that a match may have", () => {
    for (const gap of [65_530, 65_535, 65_536, 65_537, 140_000]) {
      const noise = Buffer.from(Array.from({ length: gap }, (_, index) => (index * index * 7 + (index >> 3)) & 255));
      const bytes = Buffer.concat([
        Buffer.from("a phrase that comes twice"),
        noise,
        Buffer.from("a phrase that comes twice"),
        Buffer.alloc(20),
      ]);
      expect(unpackBlock(packBlock(bytes), bytes.length).equals(bytes)).toBe(true);
    }
  });

  test("makes rows smaller", () => {
    const rows = Buffer.from(
      Array.from({ length: 2_000 }, (_, index) => `{"agent":"a-${index % 7}","n":${index}}\n`).join(""),
    );
    expect(packBlock(rows).length).toBeLessThan(rows.length / 3);
  });

  test("keeps to the end of block rules: the last 5 bytes are literals", () => {
    const block = packBlock(Buffer.alloc(100, 1));
    expect([...block.subarray(-6)]).toEqual([0x50, 1, 1, 1, 1, 1]);
  });
});

describe("unpacking", () => {
  test.each([
    ["literals only", [0x30, 97, 98, 99], "abc"],
    ["no bytes", [0x00], ""],
    ["a match that repeats itself", [0x11, 97, 1, 0, 0x10, 98], "aaaaaab"],
    ["a long match", [0x1f, 97, 1, 0, 255, 3, 0x10, 98], `a${"a".repeat(15 + 255 + 3 + 4)}b`],
    ["long literals", [0xf0, 2, ...Buffer.from("abcdefghijklmnopq")], "abcdefghijklmnopq"],
  ])("%s", (_, block, text) => {
    expect(unpackBlock(Buffer.from(block), text.length).toString()).toBe(text);
  });

  test.each([
    ["nothing at all", [], 0],
    ["fewer literals than it says", [0x30, 97, 98], 3],
    ["more literals than promised", [0x30, 97, 98, 99], 2],
    ["less than promised", [0x30, 97, 98, 99], 4],
    ["an offset of 0", [0x10, 97, 0, 0, 0x10, 98], 6],
    ["an offset before the start", [0x10, 97, 2, 0, 0x10, 98], 6],
    ["half an offset", [0x10, 97, 1], 6],
    ["a match beyond the promised size", [0x1f, 97, 1, 0, 200, 0x10, 98], 50],
    ["a length without an end", [0xf0, 255, 255], 600],
    ["a match as its last sequence", [0x10, 97, 1, 0], 5],
  ])("refuses %s", (_, block, size) => {
    expect(() => unpackBlock(Buffer.from(block), size)).toThrow(Lz4Error);
  });

  test("any bytes either unpack to the promised size or are refused as no block", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(2_000), (block, size) => {
        expect([size, "refused"]).toContain(outcomeOf(block, size));
      }),
      { numRuns: 5_000 },
    );
  });

  test("a true block with one byte changed never gives more than was promised", () => {
    fc.assert(
      fc.property(repetitive, fc.nat(), fc.nat(255), (bytes, at, byte) => {
        const block = Buffer.from(packBlock(bytes));
        block[at % block.length] = byte;
        expect([bytes.length, "refused"]).toContain(outcomeOf(block, bytes.length));
      }),
      { numRuns: 500 },
    );
  });
});
