import { describe, expect, it } from "vitest";
import { contextLabels, currentContext, withContext } from "../../../../instrumentation/src/context/context.ts";

describe("withContext", () => {
  it("reaches what runs within it, also later, and nothing else", async () => {
    const seen = await withContext({ session: "s1" }, async () => {
      await Promise.resolve();
      return currentContext().session;
    });
    expect(seen).toBe("s1");
    expect(currentContext()).toEqual({});
  });

  it("keeps requests that run at once apart", async () => {
    const sessions = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const seen = await Promise.all(
      sessions.map((session) =>
        withContext({ session }, async () => (await Promise.resolve(), currentContext().session)),
      ),
    );
    expect(seen).toEqual(sessions);
  });

  it("adds up when nested, and makes the outer agent the parent of the inner", () => {
    withContext({ agent: "planner", user: "ada", labels: { tier: "gold", zone: "a" } }, () => {
      withContext({ agent: "worker", labels: { zone: "b" } }, () => {
        expect(currentContext()).toEqual({
          agent: "worker",
          parentAgent: "planner",
          user: "ada",
          labels: { tier: "gold", zone: "b" },
        });
      });
      expect(currentContext().agent).toBe("planner");
    });
  });

  it("gives a call its labels, the named ones before the free ones", () => {
    expect(contextLabels({ team: "shop", parentAgent: "p", labels: { team: "other", tier: "gold" } })).toEqual({
      team: "shop",
      tier: "gold",
      parent_agent: "p",
    });
  });
});
