import { describe, expect, it } from "vitest";
import type { Notice } from "../../../src/component/notice.ts";
import { SUCCESS } from "../../../src/component/outcome.ts";
import type { SpanFacts } from "../../../src/pdata/span.ts";
import { filterProcessorFactory } from "../../../src/processors/filter/factory.ts";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";

async function filtered(drop: readonly string[], ...wishes: readonly Parameters<typeof makeSpan>[1][]) {
  const notices: Notice[] = [];
  const passed: string[] = [];
  const processor = filterProcessorFactory.create(filterProcessorFactory.config.parse({ drop }), {
    next: {
      consume: async ({ spans }) => {
        passed.push(...spans.map((span) => span.name));
        return SUCCESS;
      },
    },
    notify: (notice) => notices.push(notice),
  });
  await processor.consume(makeBatch(wishes.map((wish, index) => makeSpan(index + 1, wish))));
  return { passed, notices, stats: processor.stats() };
}

const probe = (facts: Partial<SpanFacts> = {}, attributes = {}) => ({ name: "GET /healthz", facts, attributes });

describe("filter", () => {
  it("drops what meets a condition, and passes the rest on", async () => {
    const { passed, stats } = await filtered(
      ['name == "GET /healthz"', 'attributes["http.route"].startsWith("/internal") && duration_ms < 5'],
      probe(),
      { name: "chat" },
      { name: "GET x", attributes: { "http.route": "/internal/x" } },
    );
    expect(passed).toEqual(["chat"]);
    expect(stats).toMatchObject({ received: 3, stored: 1, dropped: { filtered: 2 } });
  });

  it.each<readonly [string, Partial<SpanFacts>, Readonly<Record<string, string>>]>([
    ["costs", { costStatus: "missing" }, {}],
    ["calls a model", { operation: "chat" }, {}],
    ["was decided", { decision: "deny" }, {}],
    ["was paid by a lease", { leaseId: "l1" }, {}],
    ["is in the audit's chain", {}, { "tollgate.audit.hash": "ab" }],
    ["waited for an approval", {}, { "tollgate.approval.id": "a1" }],
  ])("keeps a span that %s, and counts it", async (_what, facts, attributes) => {
    const { passed, stats } = await filtered(["true"], probe(facts, attributes));
    expect(passed).toHaveLength(1);
    expect(stats).toMatchObject({ stored: 1, dropped: {}, kept: { audit: 1 } });
  });

  it("keeps spans whose condition fails, and says so once without their values", async () => {
    const { passed, notices } = await filtered(
      ['attributes["n"].startsWith("x")'],
      { attributes: { n: 4711n } },
      { attributes: { n: 4712n } },
    );
    expect(passed).toHaveLength(2);
    expect(notices).toEqual([
      {
        level: "warn",
        event: "expression_failed",
        fields: { processor: "filter", expression: 'attributes["n"].startsWith("x")', reason: "no matching overload" },
      },
    ]);
  });

  it("refuses a condition that is none, with its place", () => {
    const result = filterProcessorFactory.config.safeParse({ drop: ['name == "x"', "nmae == 1"] });
    expect(result.error?.issues[0]).toMatchObject({ path: ["drop", 1], message: expect.stringContaining("nmae") });
  });
});
