import { describe, expect, it } from "vitest";
import type { Notice } from "../../../src/component/notice.ts";
import { SUCCESS } from "../../../src/component/outcome.ts";
import { transformProcessorFactory } from "../../../src/processors/transform/factory.ts";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";

async function transformed(rules: unknown, wishes: Parameters<typeof makeSpan>[1] = {}) {
  const notices: Notice[] = [];
  const span = makeSpan(1, wishes);
  const processor = transformProcessorFactory.create(transformProcessorFactory.config.parse({ rules }), {
    next: { consume: async () => SUCCESS },
    notify: (notice) => notices.push(notice),
  });
  await processor.consume(makeBatch([span]));
  return { span, notices, attributes: Object.fromEntries(span.attributes) };
}

describe("transform", () => {
  it("sets attributes from expressions, rule after rule", async () => {
    const { attributes } = await transformed(
      [
        { when: 'attributes["tenant"] == "acme"', set: { "tollgate.label.team": '"checkout"', n: "1 + 1" } },
        { set: { copy: '"team " + attributes["tollgate.label.team"]' } },
        { when: "false", set: { never: "true" } },
      ],
      { attributes: { tenant: "acme" } },
    );
    expect(attributes).toEqual({ tenant: "acme", "tollgate.label.team": "checkout", n: 2n, copy: "team checkout" });
  });

  it("leaves alone what needs an attribute that is not there", async () => {
    const { attributes, notices } = await transformed([{ set: { a: 'attributes["b"]' } }]);
    expect(attributes).toEqual({});
    expect(notices).toEqual([]);
  });

  it("lets session, user and workflow follow", async () => {
    const { span } = await transformed(
      [{ set: { "user.id": 'attributes["enduser"].lowerAscii()', "tollgate.workflow.id": "name" }, delete: ["sess*"] }],
      { name: "w", attributes: { enduser: "BOB", "session.id": "s1" }, facts: { session: "s1" } },
    );
    expect(span.facts).toMatchObject({ user: "bob", workflow: "w", session: "" });
  });

  it("deletes by glob, but never what the gate wrote", async () => {
    const { attributes } = await transformed([{ delete: ["*"] }], {
      attributes: { a: 1n, "tollgate.decision": "deny", "tollgate.audit.hash": "x", "gen_ai.usage.input_tokens": 1n },
    });
    expect(Object.keys(attributes)).toEqual(["tollgate.decision", "tollgate.audit.hash", "gen_ai.usage.input_tokens"]);
  });

  it("says once when an expression gives nothing that an attribute can hold", async () => {
    const { attributes, notices } = await transformed([{ set: { a: '{"x": 1}' } }]);
    expect(attributes).toEqual({});
    expect(notices).toMatchObject([{ event: "expression_failed", fields: { expression: '{"x": 1}' } }]);
  });

  it.each([
    [{ set: { "tollgate.cost.nano_usd": "1" } }, "can't be set"],
    [{ set: { "tollgate.decision": '"allow"' } }, "can't be set"],
    [{ set: { "tollgate.lease.id": '"x"' } }, "can't be set"],
    [{ set: { "gen_ai.usage.input_tokens": "1" } }, "can't be set"],
    [{ set: { a: "nmae" } }, "nmae"],
    [{ when: "1", delete: ["a"] }, "must give bool"],
    [{ delete: ["{a"] }, "unbalanced"],
    [{}, "does nothing"],
  ])("refuses %j", (rule, message) => {
    expect(transformProcessorFactory.config.safeParse({ rules: [rule] }).error?.message).toContain(message);
  });
});
