import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileFolded, foldCase } from "../../../../instrumentation/src/policy/glob.ts";
import { RuleIndex } from "../../../../instrumentation/src/policy/rule-index.ts";

const piece = fc.constantFrom(
  "*",
  "?",
  "a",
  "b",
  "ab",
  "delete_",
  "_read",
  "service1",
  "[ab]",
  "{a,bb}",
  "{,x}",
  "é",
  "\\*",
);
const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(""));
const name = fc
  .array(fc.constantFrom("a", "b", "ab", "delete_", "_read", "service1", "é", "x", "*", "/", "\n"), { maxLength: 6 })
  .map((pieces) => foldCase(pieces.join("")));

function tried(rules: readonly (readonly string[])[], text: string): readonly number[] {
  return rules.flatMap((patterns, at) => (patterns.some((each) => compileFolded(each)(text)) ? [at] : []));
}

describe("an index of rules", () => {
  it("finds the rules that trying all of them finds, in their order", () => {
    const accepted = pattern.filter((text) => {
      try {
        compileFolded(text);
        return true;
      } catch {
        return false;
      }
    });
    const rules = fc.array(fc.array(accepted, { maxLength: 3 }), { maxLength: 12 });
    fc.assert(
      fc.property(rules, fc.array(name, { maxLength: 8 }), (all, names) => {
        const index = new RuleIndex(all);
        for (const text of names) expect(index.find(text)).toEqual(tried(all, text));
      }),
      { numRuns: 400 },
    );
  });

  it("finds a rule once, whichever of its patterns and alternatives mean the name", () => {
    const index = new RuleIndex([["*"], ["a*", "*b", "a*b"], ["{a,ab}*", "ab"], ["c"]]);
    expect(index.find("ab")).toEqual([0, 1, 2]);
    expect(index.find("")).toEqual([0]);
  });
});
