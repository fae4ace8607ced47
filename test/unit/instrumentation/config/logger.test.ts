import { expect, it } from "vitest";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";

it("shows control characters in a name that somebody made up, on the one line that it has", () => {
  const lines: string[] = [];
  createLogger("info", (line) => lines.push(line)).log("warn", "tool `a\u001b[2J\n[tollgate] info: b\u202ec` is new");
  expect(lines).toEqual(["[tollgate] warn: tool `a\\u{1b}[2J\\u{a}[tollgate] info: b\\u{202e}c` is new\n"]);
});

it("remembers no more than a bounded number of things that it has said once", () => {
  const lines: string[] = [];
  const logger = createLogger("info", (line) => lines.push(line));
  for (let index = 0; index < 5_000; index += 1) logger.once("warn", `model-${index}`, "a model without a price");
  expect(lines.length).toBeLessThan(2_000);
  logger.once("warn", "model-0", "a model without a price");
  expect(lines.length).toBeLessThan(2_000);
});
