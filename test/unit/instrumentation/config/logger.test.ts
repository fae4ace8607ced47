import { expect, it } from "vitest";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";

it("shows control characters in a name that somebody made up, on the one line that it has", () => {
  const lines: string[] = [];
  createLogger("info", (line) => lines.push(line)).log("warn", "tool `a\u001b[2J\n[tollgate] info: b\u202ec` is new");
  expect(lines).toEqual(["[tollgate] warn: tool `a\\u{1b}[2J\\u{a}[tollgate] info: b\\u{202e}c` is new\n"]);
});

it("says a bounded number of lines of a kind, that there are more, and any other kind as before", () => {
  const lines: string[] = [];
  const logger = createLogger("info", (line) => lines.push(line));
  for (let index = 0; index < 5_000; index += 1) logger.once("warn", `tool-changed:${index}`, "a tool has changed");
  expect(lines.length).toBeLessThan(500);
  expect(lines.filter((line) => line.includes("more of this kind"))).toHaveLength(1);
  const before = lines.length;
  logger.once("warn", "tool-changed:0", "a tool has changed");
  logger.once("error", "spool-full", "the spool is full");
  expect(lines.slice(before)).toEqual(["[tollgate] error: the spool is full\n"]);
});
