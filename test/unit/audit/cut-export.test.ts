/** An export comes in chunks that end anywhere: what is said of it is the same wherever they do. */
import { expect, it } from "vitest";
import { Verifier } from "../../../src/audit/verify/verifier.ts";

/** The lines that a verifier saw: it names each that it does not know. */
function linesOf(...chunks: readonly Uint8Array[]): readonly string[] {
  const verifier = new Verifier({ trusted: undefined });
  for (const chunk of chunks) verifier.read(chunk);
  return verifier
    .finish()
    .findings.map(({ detail }) => detail)
    .filter((detail) => detail.startsWith("not a line"))
    .map((detail) => detail.replace("not a line of an export: ", ""));
}

const TEXT = Buffer.from('\none "é"\r\n\n\r\ntwo\n["three", 3]\nlast');
const LINES = ['one "é"', "two", '["three", 3]', "last"];

it("takes the same lines, wherever it is cut in two or three", () => {
  expect(linesOf(TEXT)).toEqual(LINES);
  for (let first = 0; first <= TEXT.length; first += 1) {
    for (let second = first; second <= TEXT.length; second += 1) {
      const chunks = [TEXT.subarray(0, first), TEXT.subarray(first, second), TEXT.subarray(second)];
      expect(linesOf(...chunks), `${first}, ${second}`).toEqual(LINES);
    }
  }
});

it("takes the same lines byte by byte, and no line for an end", () => {
  expect(linesOf(...[...TEXT].map((byte) => Uint8Array.of(byte)))).toEqual(LINES);
  expect(linesOf(Buffer.from("one\n"))).toEqual(["one"]);
  expect(linesOf()).toEqual([]);
});
