import { expect, it } from "vitest";
import { printable, printTable } from "../../../src/cli/output.ts";

it("shows control characters that an agent sent instead of obeying them", () => {
  expect(printable("a\u001b[2Jb\u009b\n")).toBe("a\\x1b[2Jb\\x9b\\x0a");
});

it("aligns columns and leaves no spaces at the ends of lines", () => {
  const lines: string[] = [];
  printTable(
    { isColour: false, line: (text) => void lines.push(...text.split("\n")) },
    [
      { n: "a", v: "1" },
      { n: "日本", v: "22" },
    ],
    [
      { title: "NAME", value: (row) => row.n },
      { title: "V", align: "right", value: (row) => row.v },
    ],
  );
  expect(lines).toEqual(["NAME   V", "a      1", "日本  22"]);
});
