import { describe, expect, it } from "vitest";
import {
  agentChain,
  ancestorsText,
  parseAncestors,
  valuesOf,
} from "../../../../instrumentation/src/policy/agent-chain.ts";
import { parseSelector } from "../../../../instrumentation/src/policy/selector.ts";

describe("the ancestors of an agent", () => {
  it("survive the way there and back, whatever their names are", () => {
    const names = ["planner", "a,b", "100 %", "größe/ß", "x".repeat(100)];
    expect(parseAncestors(ancestorsText(names) ?? "")).toEqual(names);
  });

  it("are refused as a whole when they are too many or too long", () => {
    expect(ancestorsText(Array.from({ length: 17 }, (_, index) => `a${index}`))).toBeUndefined();
    expect(ancestorsText(["x".repeat(513)])).toBeUndefined();
  });

  it("are read from hostile text without error, bounded, and never as half a name", () => {
    expect(parseAncestors("%zz,,a,%,a")).toEqual(["a"]);
    expect(parseAncestors(Array.from({ length: 1_000 }, (_, index) => `a${index}`).join(","))).toHaveLength(16);
    expect(parseAncestors(`a,${"b".repeat(600)}`)).toEqual(["a"]);
    expect(parseAncestors("b".repeat(600))).toEqual([]);
  });

  it("are values of `agent`, and of no other label", () => {
    expect(agentChain({ agent: "r", ancestors: "p,r" })).toEqual(["r", "p"]);
    expect(agentChain({})).toEqual([]);
    expect(valuesOf({ team: "t", ancestors: "p" }, "team")).toEqual(["t"]);
    expect(valuesOf({ ancestors: "p" }, "constructor")).toEqual([]);
  });
});

describe("a selector that means an agent", () => {
  const matches = (selector: string, labels: Record<string, string>): boolean => {
    const parsed = parseSelector(selector);
    return parsed.ok && parsed.selector.matches(labels);
  };

  it("means all that the agent has started", () => {
    expect(matches("plan*", { agent: "researcher", ancestors: "root,planner" })).toBe(true);
    expect(matches("agent=planner,team=a", { agent: "researcher", ancestors: "planner", team: "b" })).toBe(false);
    expect(matches("researcher", { agent: "planner" })).toBe(false);
  });
});
