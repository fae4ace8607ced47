import { expect, it } from "vitest";
import { printJson, printTable } from "../../../src/cli/output.ts";

it("prints JSON that is the same document and moves no cursor, where an agent has put control characters into it", () => {
  const lines: string[] = [];
  const value = { name: "a\u009b2Jb\u202ec", list: ["\u{e0041}", "é"] };
  printJson({ isColour: false, line: (text) => void lines.push(text) }, value);
  expect(lines.join("\n")).not.toMatch(/[\u007f-\u009f\u202e\u{e0041}]/u);
  expect(JSON.parse(lines.join("\n"))).toEqual(value);
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
