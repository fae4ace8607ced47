import { describe, expect, it } from "vitest";
import { isLiteralAt, literalOf, viewOf } from "../../../../src/pdata/otlp/byte-source.ts";

/** Around each step of how bytes are compared: one by one, in words of four, in words of eight that overlap. */
const LENGTHS = [0, 1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 63];
/** Fill a word of eight that is 0, or no number, or has the smallest there is. */
const FILLS = { letters: 0x61, zeros: 0, ones: 0xff, "not a number": 0x7f, smallest: 0x80 } as const;

function sourceOf(bytes: Buffer): { readonly bytes: Buffer; readonly view: DataView } {
  return { bytes, view: viewOf(bytes) };
}

describe("bytes that are looked for", () => {
  it.each(Object.entries(FILLS))("stand where they are the same, and nowhere else: %s", (_, fill) => {
    for (const length of LENGTHS) {
      const wanted = Buffer.alloc(length, fill);
      const literal = literalOf(wanted);
      for (const before of [0, 1, 5]) {
        const bytes = Buffer.concat([Buffer.alloc(before, 0x2e), wanted, Buffer.from(".")]);
        expect(isLiteralAt(sourceOf(bytes), before, literal)).toBe(true);
        for (let at = before; at < before + length; at += 1) {
          // The lowest bit, another, and the sign: of a zero, of a number that is none.
          for (const bit of [0x01, 0x10, 0x80]) {
            bytes[at] = fill ^ bit;
            expect({ length, at, bit, is: isLiteralAt(sourceOf(bytes), before, literal) }).toMatchObject({ is: false });
          }
          bytes[at] = fill;
        }
      }
    }
  });

  it("are not there where the others end before", () => {
    for (const length of LENGTHS.slice(1)) {
      const wanted = Buffer.alloc(length, "a");
      expect(isLiteralAt(sourceOf(wanted), 1, literalOf(wanted))).toBe(false);
      expect(isLiteralAt(sourceOf(wanted.subarray(1)), 0, literalOf(wanted))).toBe(false);
    }
  });
});
