/**
 * Goal: what is remembered of calls is bounded in bytes, not in number only: senders choose how long their names are. Method: more names of a
 * hundred kilobytes than are remembered; all that are would be 200 MB and more.
 */
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { expect, it } from "vitest";
import { ToldCalls } from "../../../src/processors/cost/told-calls.ts";
import { DEFAULT_RUNAWAYS } from "../../../src/runaway/runaway-document.ts";
import { identify } from "../../../src/processors/identity/identity.ts";
import { RunawayWatch } from "../../../src/runaway/runaway-watch.ts";
import { watchedCall } from "../../../src/service/watched-call.ts";
import { makeSpan } from "../../fixtures/otlp/make-span.ts";
import { heapKeptBy } from "../../support/heap-kept.ts";

const NAMES = 2_000;
const KEPT_BYTES_MAX = 30_000_000;

/** A text of its own, flat as the decoder makes them. */
function longName(index: number): string {
  return Buffer.alloc(100_000, `${index} `).toString("latin1");
}

it.each(["agent", "session", "tool", "model"] as const)("the watch for runaways keeps no long name of %s", (fact) => {
  const kept = heapKeptBy(() => {
    const watch = new RunawayWatch({ documents: [DEFAULT_RUNAWAYS] });
    for (let index = 0; index < NAMES; index += 1) {
      const attributes = { "tollgate.tool.arguments_digest": "digest" };
      const span = makeSpan(index, { traceId: "a".repeat(32), attributes });
      const costStatus = fact === "model" ? "exact" : "";
      const facts = { operation: "execute_tool", session: `s-${index}`, agent: "shop", inputTokens: 1, costStatus };
      Object.assign(span.facts, facts, { [fact]: longName(index) });
      const call = watchedCall(span, Date.now());
      expect(call).toBeDefined();
      if (call !== undefined) watch.see(call);
    }
    return watch;
  });
  expect(kept).toBeLessThan(KEPT_BYTES_MAX);
});

it.each(["agent", "scope", "answer"] as const)("calls that are told of are known without a long name of %s", (what) => {
  const kept = heapKeptBy(() => {
    const told = new ToldCalls();
    for (let index = 0; index < NAMES; index += 1) {
      const name = longName(index);
      const attributes = { "gen_ai.response.id": what === "answer" ? name : `chatcmpl-of-this-${index}` };
      const made = makeSpan(index, { traceId: "a".repeat(32), attributes });
      const span = what === "scope" ? { ...made, scope: { ...made.scope, name } } : made;
      span.facts.agent = what === "agent" ? name : `agent-${index}`;
      told.countFirst(span);
    }
    return told;
  });
  expect(kept).toBeLessThan(KEPT_BYTES_MAX);
});

it.each(["provider", "host"] as const)("prices are found without keeping a long name of a %s", (what) => {
  const kept = heapKeptBy(() => {
    const book = createPriceBook();
    const usual = { provider: "openai", model: "gpt-4o", host: "api.openai.com", at: new Date() };
    for (let index = 0; index < NAMES; index += 1) book.find({ ...usual, [what]: longName(index) });
    return book;
  });
  expect(kept).toBeLessThan(KEPT_BYTES_MAX);
});

it("labels hold no long names: budgets remember them", () => {
  const registry = { find: () => undefined, mayActAs: () => false, namesOf: () => [] };
  const kept = heapKeptBy(() =>
    Array.from({ length: NAMES }, (_, index) => {
      const attributes = { "gen_ai.agent.name": longName(index) };
      const span = makeSpan(index, { traceId: "a".repeat(32), attributes });
      identify({ span, sender: undefined, registry });
      return span.facts.labels;
    }),
  );
  expect(kept).toBeLessThan(KEPT_BYTES_MAX);
});
