import { expect, it } from "vitest";
import { viewOf } from "../../../../src/pdata/otlp/byte-source.ts";
import { LastTexts, textOf } from "../../../../src/pdata/otlp/text-cache.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const TEXTS = 40_000;
/** Few letters make many texts alike; one that is not ASCII is rare. */
const LETTERS = ["a", "b", "\u0000", "z", "A", "é"] as const;
const NOT_ASCII_SHARE = 0.002;

it("a text is read as it is, whichever texts were read before", () => {
  const seed = Date.now();
  const random = seededRandom(seed);
  const wrong: object[] = [];
  for (let count = 0; count < TEXTS; count += 1) {
    let text = "";
    const length = Math.floor(random() * (count % 2 === 0 ? 9 : 70));
    while (text.length < length) {
      text += random() < NOT_ASCII_SHARE ? LETTERS[5] : (LETTERS[Math.floor(random() * 5)] ?? "");
    }
    const at = count % 5;
    const bytes = Buffer.from(`${"x".repeat(at)}${text}!`);
    const read = textOf({ bytes, view: viewOf(bytes) }, at, bytes.length - at - 1);
    if (read !== text) wrong.push({ seed, text, read });
  }
  expect(wrong).toEqual([]);
});

it("texts of a key that differ in a bit are not taken for each other, be their bytes zero or no number", () => {
  const last = new LastTexts();
  const wrong: object[] = [];
  for (const [fill, other] of [
    ["\u0000", "\u0001"],
    ["\u007f", "\u007e"],
    ["\u007f", "\u07ff"],
    ["a", "\u0000"],
  ] as const) {
    for (let length = 0; length <= 20; length += 1) {
      for (let at = 0; at < length; at += 1) {
        const texts = [fill.repeat(length), fill.repeat(at) + other + fill.repeat(length - at - 1)];
        for (const text of [...texts, ...texts.reverse()]) {
          const bytes = Buffer.from(text);
          const read = last.textOf({ bytes, view: viewOf(bytes) }, 0, bytes.length);
          if (read !== text) wrong.push({ text, read });
        }
      }
    }
  }
  // A zero with a sign: no UTF-8, and another text all the same.
  const zeros = Buffer.alloc(8);
  const signed = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x80]);
  for (const bytes of [zeros, signed, zeros, signed]) {
    const read = last.textOf({ bytes, view: viewOf(bytes) }, 0, 8);
    if (read !== bytes.toString()) wrong.push({ bytes: bytes.toString("hex"), read });
  }
  expect(wrong).toEqual([]);
});

it("the texts of a key are read as they are, in turns and again, though the bytes they came in are written over", () => {
  const seed = Date.now();
  const random = seededRandom(seed);
  const last = new LastTexts();
  // Alike but for their length, their last letter or one in the midst; with a letter of two bytes; too long to be kept.
  const texts = ["", "a", "aaab", "aaaa", "aaaaa", "aaaab", "baaab", "aé", "\u0000", "c".repeat(64), "c".repeat(65)];
  const wrong: object[] = [];
  for (let count = 0; count < 2_000; count += 1) {
    const text = texts[Math.floor(random() * texts.length)] ?? "";
    for (let again = Math.floor(random() * 3); again >= 0; again -= 1) {
      const bytes = Buffer.from(`x${text}!`);
      const read = last.textOf({ bytes, view: viewOf(bytes) }, 1, bytes.length - 2);
      if (read !== text) wrong.push({ seed, text, read });
      bytes.fill("z");
    }
  }
  expect(wrong).toEqual([]);
});
