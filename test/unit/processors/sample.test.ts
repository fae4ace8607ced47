/**
 * Goal: a sample thins out what nobody is billed or audited by, and nothing else; the same traces everywhere.
 */
import fc from "fast-check";
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { describe, expect, it } from "vitest";
import type { Consumer } from "../../../src/component/component.ts";
import { SUCCESS } from "../../../src/component/outcome.ts";
import { type Span, StatusCode } from "../../../src/pdata/span.ts";
import { sumSpend } from "../../../src/pipeline/spool/spend-sum.ts";
import { costProcessorFactory } from "../../../src/processors/cost/factory.ts";
import { filterProcessorFactory } from "../../../src/processors/filter/factory.ts";
import { identityProcessorFactory } from "../../../src/processors/identity/factory.ts";
import { meterProcessorFactory } from "../../../src/processors/meter/factory.ts";
import { normaliseProcessorFactory } from "../../../src/processors/normalise/factory.ts";
import { sampleProcessorFactory } from "../../../src/processors/sample/factory.ts";
import { isKept, thresholdOf } from "../../../src/processors/sample/threshold.ts";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";

const notify = () => {};

function collector(): { readonly next: Consumer; readonly spans: Span[] } {
  const spans: Span[] = [];
  const consume: Consumer["consume"] = async (batch) => {
    spans.push(...batch.spans);
    return SUCCESS;
  };
  return { next: { consume }, spans };
}

async function sampled(config: unknown, spans: readonly Span[]) {
  const { next, spans: passed } = collector();
  const processor = sampleProcessorFactory.create(sampleProcessorFactory.config.parse(config), { next, notify });
  await processor.consume(makeBatch(spans));
  return { passed, stats: processor.stats() };
}

const traceIdOf = (random: bigint): string => `${"a".repeat(18)}${random.toString(16).padStart(14, "0")}`;
const MIDDLE = 1n << 55n;

describe("the threshold", () => {
  it("is that of the specification: half of the traces are those with the highest bit set", () => {
    const half = thresholdOf(0.5);
    expect(half).toBe("80000000000000");
    expect(isKept({ traceId: traceIdOf(MIDDLE), traceState: "" }, half)).toBe(true);
    expect(isKept({ traceId: traceIdOf(MIDDLE - 1n), traceState: "" }, half)).toBe(false);
  });

  it("keeps all of them at 1 and none at 0", () => {
    expect(isKept({ traceId: traceIdOf(0n), traceState: "" }, thresholdOf(1))).toBe(true);
    expect(isKept({ traceId: traceIdOf((1n << 56n) - 1n), traceState: "" }, thresholdOf(0))).toBe(false);
  });

  it("takes the trace state's own number before the trace id", () => {
    const traceId = traceIdOf(0n);
    expect(isKept({ traceId, traceState: "vendor=x,ot=th:0;rv:ffffffffffffff" }, thresholdOf(0.01))).toBe(true);
    expect(isKept({ traceId, traceState: "vendor=rv:ffffffffffffff" }, thresholdOf(0.01))).toBe(false);
  });
});

describe("sample", () => {
  it("keeps whole traces, a share of them near the ratio, and counts the rest", async () => {
    const spans = Array.from({ length: 4_000 }, (_, index) => {
      const random = (BigInt(index >> 1) * 0x9e3779b97f4a7c15n) & ((1n << 56n) - 1n);
      return makeSpan(index + 1, { traceId: traceIdOf(random) });
    });
    const { passed, stats } = await sampled({ ratio: 0.25 }, spans);
    expect(passed.length).toBeGreaterThan(800);
    expect(passed.length).toBeLessThan(1_200);
    const byTrace = Map.groupBy(passed, (span) => span.traceId);
    expect([...byTrace.values()].every((trace) => trace.length === 2)).toBe(true);
    expect(stats.dropped).toEqual({ sampled: 4_000 - passed.length });
  });

  it("keeps what an audit stands on, and errors unless told otherwise", async () => {
    const spans: readonly Span[] = [
      makeSpan(1, { facts: { costStatus: "unpriced" } }),
      makeSpan(2, { facts: { decision: "allow" } }),
      makeSpan(3, { facts: { tool: "db_read" } }),
      makeSpan(4, { facts: { operation: "execute_tool" } }),
      { ...makeSpan(5), statusCode: StatusCode.error },
      makeSpan(6),
    ];
    expect((await sampled({ ratio: 0 }, spans)).passed).toHaveLength(5);
    const { passed, stats } = await sampled({ ratio: 0, keep_errors: false }, spans);
    expect(passed).toHaveLength(4);
    expect(stats).toMatchObject({ dropped: { sampled: 2 }, kept: { audit: 4 } });
  });

  it("has other ratios for some spans, the first rule that is met", async () => {
    const rules = [
      { when: 'service == "web"', ratio: 1 },
      { when: "true", ratio: 0 },
    ];
    const spans = [makeSpan(1, { resource: { "service.name": "web" } }), makeSpan(2)];
    expect((await sampled({ rules }, spans)).passed).toEqual([spans[0]]);
  });
});

/** Random spans of calls, tools and everything else. */
const spanWishes = fc.record({
  operation: fc.constantFrom("", "chat", "embeddings", "execute_tool", "invoke_agent"),
  model: fc.constantFrom("gpt-4o", "nobody-knows-it"),
  input: fc.option(fc.bigInt({ min: 0n, max: 100_000n })),
  decision: fc.constantFrom("", "allow", "deny"),
  traceId: fc.bigInt({ min: 1n, max: (1n << 56n) - 1n }).map(traceIdOf),
});

describe("sums", () => {
  it("are the same with and without filter and sample, to the nano-dollar and the call", async () => {
    const prices = createPriceBook();
    const registry = { find: () => undefined, mayActAs: () => false, namesOf: () => [] };
    const spentThrough = async (
      wishes: readonly (typeof spanWishes extends fc.Arbitrary<infer T> ? T : never)[],
      thin: boolean,
    ) => {
      const { next, spans } = collector();
      const sample = sampleProcessorFactory.create({ ratio: 0.01, keep_errors: false, rules: [] }, { next, notify });
      const filter = filterProcessorFactory.create({ drop: ["true"] }, { next: sample, notify });
      const meter = meterProcessorFactory.create({}, { next: thin ? filter : next, notify });
      const cost = costProcessorFactory.create({}, { next: meter, notify, prices: () => prices });
      const identity = identityProcessorFactory.create(
        { foreign_name: "flag", foreign_tenant: "flag" },
        { next: cost, notify, registry },
      );
      const normalise = normaliseProcessorFactory.create(normaliseProcessorFactory.config.parse({}), {
        next: identity,
        notify,
      });
      const made = wishes.map(({ operation, model, input, decision, traceId }, index) =>
        makeSpan(index + 1, {
          traceId,
          attributes: {
            ...(operation === "" ? {} : { "gen_ai.operation.name": operation }),
            ...(decision === "" ? {} : { "tollgate.decision": decision }),
            ...(input === null ? {} : { "gen_ai.usage.input_tokens": input }),
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
          },
        }),
      );
      await normalise.consume(makeBatch(made));
      const spends = sumSpend(spans).map(({ amounts }) => amounts);
      return {
        nanoUsd: spends.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0n),
        tokens: spends.reduce((sum, { tokens }) => sum + tokens, 0n),
        calls: spends.length,
        stored: spans.reduce((sum, { facts }) => sum + facts.costNanoUsd, 0n),
        decisions: spans.filter(({ facts }) => facts.decision !== "").length,
      };
    };
    await fc.assert(
      fc.asyncProperty(fc.array(spanWishes, { maxLength: 30 }), async (wishes) => {
        expect(await spentThrough(wishes, true)).toEqual(await spentThrough(wishes, false));
      }),
      { numRuns: 200, verbose: fc.VerbosityLevel.Verbose },
    );
  });
});
