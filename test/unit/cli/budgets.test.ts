import { expect, it } from "vitest";
import { printUnpriced } from "../../../src/cli/budgets.ts";

const rowsOf = (count: number): Parameters<typeof printUnpriced>[1] =>
  Array.from({ length: count }, (_, index) => ({
    scope: { model: `made-up-${index}` },
    settled: String(index),
    tokens: "10",
  })) as unknown as Parameters<typeof printUnpriced>[1];

function printed(count: number): readonly string[] {
  const lines: string[] = [];
  printUnpriced({ isColour: false, line: (text) => void lines.push(...text.split("\n")) }, rowsOf(count));
  return lines;
}

it("shows the models without a price that were asked most, and says how many there are beside them", () => {
  const lines = printed(1_000);
  expect(lines).toHaveLength(1 + 20 + 1);
  expect(lines[1]).toMatch(/made-up-999 +999 /);
  expect(lines.at(-1)).toBe("and 980 more: `budgets --json` has all");
});

it("shows all where they are few", () => {
  expect(printed(3)).toHaveLength(1 + 3);
});
