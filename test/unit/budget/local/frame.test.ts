import { describe, expect, it } from "vitest";
import { encodeFrame, readFrame } from "../../../../src/budget/local/frame.ts";
import { Random } from "../../../support/random.ts";

const one = encodeFrame('{"a":1}');
const two = encodeFrame('{"b":"ü"}\n{"c":3}');

describe("a frame", () => {
  it("comes back as it was written", () => {
    const file = Buffer.concat([one, two]);
    expect(readFrame(file, 0)).toEqual({ kind: "frame", payload: '{"a":1}', next: one.length });
    expect(readFrame(file, one.length)).toEqual({ kind: "frame", payload: '{"b":"ü"}\n{"c":3}', next: file.length });
    expect(readFrame(file, file.length)).toEqual({ kind: "end" });
  });

  it("is a torn tail wherever a write was cut off", () => {
    for (let length = 1; length < two.length; length += 1) {
      const file = Buffer.concat([one, two.subarray(0, length)]);
      expect(readFrame(file, one.length)).toEqual({ kind: "broken", isTail: true });
    }
  });

  it("is not there where nothing but zeros follow: room that was made ready, or bytes that never came", () => {
    for (const zeros of [1, 4, 8, 5000]) {
      const file = Buffer.concat([one, Buffer.alloc(zeros)]);
      expect(readFrame(file, one.length)).toEqual({ kind: "end" });
    }
  });

  it("is a torn tail where only the end of a write came", () => {
    for (let length = 1; length < two.length; length += 1) {
      const file = Buffer.concat([one, Buffer.alloc(two.length - length), two.subarray(-length), Buffer.alloc(50)]);
      expect(readFrame(file, one.length)).toEqual({ kind: "broken", isTail: true });
    }
  });

  it("is damage where zeros took its place and whole frames come after", () => {
    const file = Buffer.concat([Buffer.alloc(one.length), two]);
    expect(readFrame(file, 0)).toEqual({ kind: "broken", isTail: false });
  });

  it("is damage when whole frames come after it, whichever bit was flipped", () => {
    for (let bit = 0; bit < one.length * 8; bit += 1) {
      const file = Buffer.concat([one, two]);
      file[bit >> 3] = (file[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readFrame(file, 0)).toEqual({ kind: "broken", isTail: false });
    }
  });

  it.each([1, 2, 3])("is never read from noise (seed %i)", (seed) => {
    const random = new Random(seed);
    for (let round = 0; round < 2000; round += 1) {
      const noise = Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256)));
      expect(readFrame(noise, 0).kind).not.toBe("frame");
    }
  });

  it("holds at least a byte", () => {
    expect(() => encodeFrame("")).toThrow(RangeError);
  });
});
