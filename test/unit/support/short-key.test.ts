import { expect, it } from "vitest";
import { shortKey } from "../../../src/support/short-key.ts";

it("is the text itself while that is short, and tells long ones apart by a digest", () => {
  expect(shortKey("s".repeat(256))).toBe("s".repeat(256));
  const long = "s".repeat(1_000_000);
  expect(shortKey(long).length).toBeLessThan(64);
  expect(shortKey(long)).toBe(shortKey("s".repeat(1_000_000)));
  expect(shortKey(long)).not.toBe(shortKey(`${long}s`));
});
