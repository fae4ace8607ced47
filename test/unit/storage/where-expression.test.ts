import { describe, expect, it } from "vitest";
import { whereExpression } from "../../../src/storage/queries/where-expression.ts";

describe("whereExpression", () => {
  it.each([
    "model = 'gpt-4o' AND cost_usd > 0.5",
    "attributes['from'] = 'x; -- y' OR name LIKE '%(%'",
    "(start > now() - INTERVAL 1 DAY) AND has(['a','b'], agent)",
    "name = 'it''s' AND tool != 'a\\'b'",
    "labels['select'] != ''",
  ])("lets %s through", (text) => {
    expect(whereExpression(text)).toEqual({ ok: true, sql: text });
  });

  it.each([
    ["1) OR (1", "a parenthesis is closed that was not opened"],
    ["(1", "a parenthesis is not closed"],
    ["1; DROP TABLE spans", "`;` is not allowed"],
    ["1 -- rest", "`--` is not allowed"],
    ["1 /* rest", "`/*` is not allowed"],
    ["1 # rest", "`#` is not allowed"],
    ["name = 'open", "a quote is not closed"],
    ["agent IN (SELECT password FROM system.users)", "`SELECT` is not allowed: only an expression over one span"],
    ["1 SETTINGS readonly = 0", "`SETTINGS` is not allowed: only an expression over one span"],
    ["agent = {agent:String}", "`{` is not allowed"],
    ["   ", "the expression is empty"],
  ])("refuses %s", (text, message) => {
    expect(whereExpression(text)).toEqual({ ok: false, message });
  });

  it("refuses what is too long", () => {
    expect(whereExpression("1 OR ".repeat(1_000)).ok).toBe(false);
  });
});
