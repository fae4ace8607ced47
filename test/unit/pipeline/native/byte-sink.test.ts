import { describe, expect, it } from "vitest";
import { viewOf } from "../../../../src/pdata/otlp/byte-source.ts";
import { ByteSink } from "../../../../src/pipeline/native/byte-sink.ts";

/** Around every step of how texts are copied: words of four, one or two bytes of length, copied here or by a call. */
const LENGTHS = [...Array.from({ length: 70 }, (_, length) => length), 126, 127, 128, 129, 511, 512, 513, 2_000];

describe("a sink of bytes", () => {
  it("writes the text in some bytes as it writes the text", () => {
    for (const length of LENGTHS) {
      for (const at of [0, 1, 2, 3]) {
        for (const content of contentsOf(length)) {
          const bytes = Buffer.concat([Buffer.alloc(at, "x"), content, Buffer.from("behind")]);
          const fromBytes = new ByteSink();
          fromBytes.utf8({ bytes, view: viewOf(bytes) }, at, content.length);
          fromBytes.text("next");
          const fromText = new ByteSink();
          fromText.text(content.toString("utf8"));
          fromText.text("next");
          expect(fromBytes.bytes().equals(fromText.bytes()), `${content.length} bytes from ${at}`).toBe(true);
        }
      }
    }
  });

  it("writes the bare digits of whole numbers, beyond what a double holds, too", () => {
    const steps = Array.from({ length: 20 }, (_, power) => 10n ** BigInt(power));
    const numbers = [
      ...steps.flatMap((step) => [step - 1n, step, step + 1n]),
      2n ** 53n - 1n,
      2n ** 53n,
      2n ** 70n,
      -5n,
    ];
    const sink = new ByteSink();
    for (const number of numbers) {
      sink.digits(number);
      sink.ascii(" ");
    }
    expect(sink.bytes().toString()).toBe(numbers.map((number) => `${number} `).join(""));
  });

  it("writes bytes as lower-case hex", () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const sink = new ByteSink();
    sink.hex({ bytes, view: viewOf(bytes) }, 0, 256);
    expect(sink.bytes().subarray(2).toString()).toBe(bytes.toString("hex"));
  });

  it("writes whole numbers in digits, up to the ends of 64 bits", () => {
    const numbers = [0n, 7n, 10n, 99n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n];
    for (const number of [...numbers, ...numbers.map((each) => -each), -(2n ** 63n)]) {
      const bits = BigInt.asUintN(64, number);
      const sink = new ByteSink();
      sink.integer(Number(bits & 0xffff_ffffn), Number(bits >> 32n));
      expect(sink.bytes().subarray(1).toString()).toBe(String(number));
    }
  });
});

/** ASCII; with two bytes of another letter at each end; with a byte that is no UTF-8 at the end. */
function contentsOf(length: number): readonly Buffer[] {
  const ascii = Buffer.from("The quick brown fox. ".repeat(100).slice(0, length));
  const invalid = Buffer.from(ascii);
  if (length > 0) invalid[length - 1] = 0xff;
  return [ascii, Buffer.concat([Buffer.from("é"), ascii]), Buffer.concat([ascii, Buffer.from("é")]), invalid];
}
