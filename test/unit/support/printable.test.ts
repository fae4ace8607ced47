import { expect, it } from "vitest";
import { printable, printableJson } from "../../../src/support/printable.ts";

it("shows control characters that an agent sent instead of obeying them", () => {
  expect(printable("a\u001b[2Jb\u009b\n")).toBe("a\\x1b[2Jb\\x9b\\x0a");
});

it("shows what would turn words around, break a line or hide letters", () => {
  expect(printable("delete\u202eeteled")).toBe("delete\\u{202e}eteled");
  expect(printable("a\u2028b\u{e0061}")).toBe("a\\u{2028}b\\u{e0061}");
});

it("leaves writing as it is, whatever the script", () => {
  const text = "naïve 日本 עברית العربية 👩‍👩‍👧";
  expect(printable(text)).toBe(text);
});

it("changes no value of a JSON document, and keeps its lines", () => {
  const text = JSON.stringify({ a: ["\u009b", "\u202e", "\u{e0061}"] }, undefined, 2);
  const shown = printableJson(text);
  expect(JSON.parse(shown)).toEqual(JSON.parse(text));
  expect(shown.split("\n")).toHaveLength(text.split("\n").length);
  expect(shown).not.toMatch(/[\u009b\u202e\u{e0061}]/u);
});
