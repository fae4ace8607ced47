import { describe, expect, it } from "vitest";
import { parseSelector, type Selector } from "../../../../instrumentation/src/policy/selector.ts";

function selector(text: string): Selector {
  const parsed = parseSelector(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.selector;
}

describe("a selector", () => {
  it("matches when every term does, and a missing label matches nothing", () => {
    const { matches } = selector("agent=shop-*,team={a,b}");
    expect(matches({ agent: "shop-1", team: "b" })).toBe(true);
    expect(matches({ agent: "shop-1", team: "c" })).toBe(false);
    expect(matches({ agent: "shop-1" })).toBe(false);
    expect(selector("constructor=*").matches({})).toBe(false);
  });

  it("takes a bare word for an agent, and `all` for everything", () => {
    expect(selector("shop-*").text).toBe("agent=shop-*");
    expect(selector("all").matches({})).toBe(true);
  });

  it("is the same however it is spelled", () => {
    expect(selector(" team=x , agent=y").text).toBe(selector("y,team=x").text);
  });

  it.each(["", " ", "a,,b", "agent=", "=x", "a,agent=b", "team=!x", "te am=x", "x".repeat(513)])(
    "refuses %j",
    (text) => {
      expect(parseSelector(text).ok).toBe(false);
    },
  );
});
