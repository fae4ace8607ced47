import { describe, expect, it } from "vitest";
import { RecentSpans } from "../../../../src/pipeline/spool/recent-spans.ts";

describe("recent spans", () => {
  it("knows a span for the window, and forgets it after", () => {
    const recent = new RecentSpans({ windowMs: 1_000, entriesMax: 100 });
    recent.add("a", 0);
    recent.add("b", 900);
    expect(recent.has("a")).toBe(true);
    recent.add("c", 1_500);
    expect(recent.has("a")).toBe(false);
    expect(recent.has("b")).toBe(true);
    expect(recent.evictedEarly).toBe(0);
  });

  it("holds no more than its bound, gives up the oldest first, and counts what went too early", () => {
    const recent = new RecentSpans({ windowMs: 1_000_000, entriesMax: 100 });
    for (let index = 0; index < 1_000; index += 1) recent.add(`span ${index}`, index);
    expect(recent.size).toBeLessThanOrEqual(100);
    expect(recent.has("span 999")).toBe(true);
    expect(recent.has("span 0")).toBe(false);
    expect(recent.evictedEarly).toBe(1_000 - recent.size);
  });
});
