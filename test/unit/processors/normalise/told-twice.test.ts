import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { describe, expect, it } from "vitest";
import type { AttributeValue, Span } from "../../../../src/pdata/span.ts";
import { applyCost, countGatedCalls } from "../../../../src/processors/cost/cost.ts";
import { ToldCalls } from "../../../../src/processors/cost/told-calls.ts";
import { normalise } from "../../../../src/processors/normalise/normalise.ts";
import { makeSpan } from "../../../fixtures/otlp/make-span.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALL = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o" };
const USAGE = { "gen_ai.usage.input_tokens": 1_000n, "gen_ai.usage.output_tokens": 100n };
/** 1,000 × $2.50 + 100 × $10.00 per million. */
const NANO_USD = 3_500_000n;
const prices = createPriceBook({ house: [] });

function spanOf(index: number, parent: number, attributes: Readonly<Record<string, AttributeValue>>): Span {
  const parentSpanId = parent === 0 ? "" : parent.toString(16).padStart(16, "0");
  return { ...makeSpan(index, { traceId: TRACE, attributes }), parentSpanId };
}

function costsOf(spans: readonly Span[]): readonly (readonly [string, bigint])[] {
  const told = new ToldCalls();
  for (const span of spans) normalise(span);
  countGatedCalls(spans, told);
  return spans.map((span) => {
    applyCost(span, prices, told);
    return [span.facts.costStatus, span.facts.costNanoUsd];
  });
}

describe("a call that two spans tell of", () => {
  const outer = () => spanOf(1, 0, { ...CALL, ...USAGE });
  const inner = () => spanOf(2, 1, { ...CALL, ...USAGE });

  it("is priced once, whichever arrives first", () => {
    const once = [
      ["exact", NANO_USD],
      ["", 0n],
    ];
    expect(costsOf([inner(), outer()])).toEqual(once);
    expect(costsOf([outer(), inner()])).toEqual(once);
  });

  it("is priced from the span that has usage, where only one does", () => {
    const empty = spanOf(2, 1, CALL);
    expect(costsOf([empty, outer()])).toEqual([
      ["missing", 0n],
      ["exact", NANO_USD],
    ]);
  });

  it("is the gate's, wherever its span stands and whatever others tell", () => {
    const gate = { ...CALL, ...USAGE, "tollgate.lease.id": "lease-1" };
    const claim = { "tollgate.cost.nano_usd": 77n, "tollgate.cost.status": "exact" };
    const inOrder = [
      ["exact", 77n],
      ["", 0n],
    ];
    expect(costsOf([spanOf(2, 1, { ...gate, ...claim }), outer()])).toEqual(inOrder);
    expect(costsOf([spanOf(1, 0, { ...gate, ...claim }), inner()])).toEqual(inOrder);
    expect(costsOf([inner(), spanOf(1, 0, { ...gate, ...claim })])).toEqual(inOrder.toReversed());
  });

  it("comes out the same when its batch is sent again", () => {
    const again = costsOf([inner(), outer(), inner(), outer()]);
    expect(again.slice(2)).toEqual(again.slice(0, 2));
  });

  it("is priced once where three spans tell of it, whichever is first", () => {
    const told = () => [
      spanOf(1, 0, { ...CALL, ...USAGE }),
      spanOf(2, 1, { ...CALL, ...USAGE }),
      spanOf(3, 2, { ...CALL, ...USAGE }),
    ];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0],
    ]) {
      const arrive = () => order.map((index) => told()[index] as Span);
      const costs = costsOf([...arrive(), ...arrive()]);
      expect(
        costs.filter(([status]) => status !== ""),
        String(order),
      ).toEqual([
        ["exact", NANO_USD],
        ["exact", NANO_USD],
      ]);
      expect(costs.slice(3), String(order)).toEqual(costs.slice(0, 3));
    }
  });

  it("is not taken for calls beside each other, or under an agent", () => {
    const agent = spanOf(9, 0, { "gen_ai.operation.name": "invoke_agent", ...USAGE });
    const calls = [spanOf(3, 9, { ...CALL, ...USAGE }), spanOf(4, 9, { ...CALL, ...USAGE })];
    expect(costsOf([...calls, agent])).toEqual([
      ["exact", NANO_USD],
      ["exact", NANO_USD],
      ["", 0n],
    ]);
  });

  it("is remembered over thousands of others, within bounds", () => {
    const others = Array.from({ length: 8_192 }, (_, index) => spanOf(index + 10, 0, { ...CALL, ...USAGE }));
    const [first, ...rest] = [inner(), ...others, outer()];
    expect(costsOf([first as Span, ...rest]).at(-1)).toEqual(["", 0n]);
  });
});

describe("an answer that two instrumentations tell of, elsewhere in the trace or in another", () => {
  const answer = "chatcmpl-138320762609c1375e585492";
  const kwargs = {
    lc: 1,
    type: "constructor",
    id: ["langchain_core", "messages", "AIMessage"],
    kwargs: { id: answer },
  };
  const spoken = (index: number, scope: string, output: object, usage = true): Span => ({
    ...spanOf(index, 0, {
      "openinference.span.kind": "LLM",
      "llm.model_name": "gpt-4o",
      "llm.system": "openai",
      "output.value": JSON.stringify(output),
      ...(usage ? { "llm.token_count.prompt": 1_000n, "llm.token_count.completion": 100n } : {}),
    }),
    scope: { name: scope, version: "", attributes: new Map() },
  });
  const sdk = (index: number) => spoken(index, "openai", { id: answer, object: "chat.completion", choices: [] });
  const chain = (index: number, usage = true) =>
    spoken(index, "langchain", { generations: [[{ text: '"id":"msg_0123456789"', message: kwargs }]] }, usage);
  const ONCE = ["exact", NANO_USD] as const;
  const NOT = ["", 0n] as const;

  it("is priced once, whichever arrives first, and again alike when its batch is sent again", () => {
    const first = chain(2);
    expect(costsOf([sdk(1), first, sdk(1), chain(2)])).toEqual([ONCE, NOT, ONCE, NOT]);
    expect(first.attributes.get("gen_ai.response.id")).toBe(answer);
    expect(first.attributes.get("tollgate.usage.aggregate")).toBe(true);
    expect(costsOf([chain(2), sdk(1), chain(2), sdk(1)])).toEqual([ONCE, NOT, ONCE, NOT]);
  });

  it("is priced from the span that has usage, where only one does", () => {
    expect(costsOf([chain(2, false), sdk(1)]).map(([status]) => status)).toEqual(["missing", "exact"]);
    expect(costsOf([sdk(1), chain(2, false)])).toEqual([ONCE, NOT]);
  });

  it("is the gate's, wherever its span is", () => {
    const id = { "gen_ai.response.id": answer };
    const claim = { "tollgate.cost.nano_usd": 77n, "tollgate.cost.status": "exact" };
    const gate = spanOf(3, 0, { ...CALL, ...USAGE, ...id, ...claim, "tollgate.lease.id": "lease-1" });
    expect(costsOf([chain(2), gate])).toEqual([NOT, ["exact", 77n]]);
  });

  it("is remembered over a thousand others once the agent is known to have two instrumentations", () => {
    const [known, later] = [{ "gen_ai.response.id": "resp_of-the-first-call" }, { "gen_ai.response.id": answer }];
    const by = (scope: string, index: number, id: object): Span => ({
      ...spanOf(index, 0, { ...CALL, ...USAGE, ...id }),
      scope: { name: scope, version: "", attributes: new Map() },
    });
    const others = Array.from({ length: 1_000 }, (_, index) =>
      by("sdk", index + 10, { "gen_ai.response.id": `chatcmpl-of-others-${index}` }),
    );
    const calls = [by("sdk", 1, known), by("chain", 2, known), by("sdk", 3, later), ...others, by("chain", 4, later)];
    const costs = costsOf(calls);
    expect(costs.filter(([status]) => status === "")).toHaveLength(2);
    expect(costs.at(-1)).toEqual(NOT);
  });

  it("is another agent's own call, though both agents have two instrumentations", () => {
    const by = (agent: string, scope: string, index: number): Span => {
      const span = {
        ...spanOf(index, 0, { ...CALL, ...USAGE, "gen_ai.response.id": `chatcmpl-of-all-${index % 10}` }),
        scope: { name: scope, version: "", attributes: new Map() },
      };
      span.facts.agent = agent;
      return span;
    };
    const known = [by("a", "sdk", 1), by("a", "chain", 2), by("b", "sdk", 3), by("b", "chain", 4)];
    expect(costsOf([...known, by("b", "chain", 11), by("a", "chain", 21)])).toEqual([
      ...known.map(() => ONCE),
      ONCE,
      NOT,
    ]);
  });

  it("is another call where one instrumentation tells of it, another agent, or its id is no provider's", () => {
    expect(costsOf([sdk(1), sdk(2), sdk(3)])).toEqual([ONCE, ONCE, ONCE]);
    const other = chain(2);
    other.facts.agent = "another";
    expect(costsOf([sdk(1), other])).toEqual([ONCE, ONCE]);
    const short = ["a", "b"].map((scope, index) => ({
      ...spanOf(index + 1, 0, { ...CALL, ...USAGE, "gen_ai.response.id": "chatcmpl-461" }),
      scope: { name: scope, version: "", attributes: new Map() },
    }));
    expect(costsOf(short)).toEqual([ONCE, ONCE]);
  });
});

describe("a call that two instrumentations tell of, one without the answer's id", () => {
  const ONCE = ["exact", NANO_USD] as const;
  const NOT = ["", 0n] as const;
  const ID = { "gen_ai.response.id": "chatcmpl-138320762609c1375e585492" };
  interface Told {
    readonly scope: string;
    readonly ms: readonly [number, number];
    readonly attributes?: Readonly<Record<string, AttributeValue>>;
    readonly instance?: string;
    readonly agent?: string;
  }
  const by = (index: number, { scope, ms, attributes = {}, instance, agent = "" }: Told): Span => {
    const times = { startUnixNano: BigInt(ms[0]) * 1_000_000n, endUnixNano: BigInt(ms[1]) * 1_000_000n };
    const resource = new Map(instance === undefined ? [] : [["service.instance.id", instance]]);
    const span = {
      ...spanOf(index, 0, { ...CALL, ...USAGE, ...attributes }),
      ...times,
      resource: { attributes: resource },
      scope: { name: scope, version: "", attributes: new Map() },
    };
    span.facts.agent = agent;
    return span;
  };
  const sdk = (index: number, ms: Told["ms"], more: Partial<Told> = {}): Span =>
    by(index, { scope: "sdk", ms, attributes: ID, ...more });
  const chain = (index: number, ms: Told["ms"], more: Partial<Told> = {}): Span =>
    by(index, { scope: "chain", ms, ...more });

  it("is priced once, whichever arrives first, and again alike when its batch is sent again", () => {
    const spans = [() => sdk(1, [100, 200]), () => chain(2, [99, 203])];
    for (const order of [spans, spans.toReversed()]) {
      const told = order.map((make) => make());
      expect(costsOf([...told, ...order.map((make) => make())])).toEqual([ONCE, NOT, ONCE, NOT]);
      expect(told[1]?.attributes.get("tollgate.usage.aggregate")).toBe(true);
    }
  });

  it("is priced when it is sent again without its partner, if it was priced before", () => {
    // The first two make known that there are two instrumentations.
    const known = [sdk(1, [1, 2]), chain(2, [1, 2])];
    const spans = [
      sdk(3, [100, 200]),
      chain(4, [99, 203]),
      sdk(3, [100, 200]),
      chain(4, [99, 203]),
      chain(4, [99, 203]),
    ];
    expect(costsOf([...known, ...spans])).toEqual([ONCE, NOT, ONCE, NOT, ONCE, NOT, NOT]);
  });

  it("is priced once where clocks that count in whole milliseconds let one end or begin after the other", () => {
    expect(costsOf([sdk(1, [100, 200]), chain(2, [99, 199])])).toEqual([ONCE, NOT]);
    expect(costsOf([sdk(1, [100, 200]), chain(2, [101, 203])])).toEqual([ONCE, NOT]);
  });

  it("is priced once for each of several that are alike, at the same time", () => {
    const inner = [sdk(1, [217, 294]), sdk(2, [218, 302])];
    // The one that ended last stands around both.
    expect(costsOf([...inner, chain(4, [217, 303]), chain(3, [210, 297])])).toEqual([ONCE, ONCE, NOT, NOT]);
    expect(costsOf([...inner, chain(4, [217, 303]), chain(3, [210, 297]), chain(5, [210, 304])]).at(-1)).toEqual(ONCE);
  });

  it("is priced once where three tell of it", () => {
    const spans = () => [sdk(1, [100, 200]), chain(2, [99, 203]), by(3, { scope: "agents", ms: [98, 204] })];
    expect(costsOf(spans())).toEqual([ONCE, NOT, NOT]);
    expect(costsOf(spans().toReversed())).toEqual([ONCE, NOT, NOT]);
  });

  it("is the gate's, whatever others tell", () => {
    const claim = { "tollgate.cost.nano_usd": 77n, "tollgate.cost.status": "exact", "tollgate.lease.id": "lease-1" };
    const gate = sdk(1, [100, 200], { attributes: { ...ID, ...claim } });
    expect(costsOf([chain(2, [99, 203]), gate])).toEqual([NOT, ["exact", 77n]]);
  });

  it.each([
    ["neither stands around the other", chain(2, [150, 250])],
    ["both name an answer", chain(2, [99, 203], { attributes: { "gen_ai.response.id": "chatcmpl-another-one" } })],
    [
      "their tokens differ",
      chain(2, [99, 203], { attributes: { "gen_ai.usage.output_tokens": 100n, "gen_ai.usage.input_tokens": 999n } }),
    ],
    ["their models differ", chain(2, [99, 203], { attributes: { "gen_ai.request.model": "gpt-4o-2024-08-06" } })],
    ["one instrumentation tells of both", sdk(2, [99, 203], { attributes: {} })],
    ["another agent tells of it", chain(2, [99, 203], { agent: "another" })],
  ])("is two calls where %s", (_why, other) => {
    const first = sdk(1, [100, 200]);
    const costs = costsOf([sdk(8, [1, 2]), chain(9, [1, 2]), first, other]);
    expect(costs.slice(2).filter(([status]) => status === "")).toEqual([]);
  });

  it("is two calls where two processes tell of it", () => {
    const of = (instance: string): Partial<Told> => ({ instance });
    const spans = [sdk(8, [1, 2]), chain(9, [1, 2]), sdk(1, [100, 200], of("a")), chain(2, [99, 203], of("b"))];
    expect(costsOf(spans)).toEqual([ONCE, NOT, ONCE, ONCE]);
    expect(costsOf([...spans, chain(3, [98, 203], of("a"))]).at(-1)).toEqual(NOT);
  });

  it("is two calls where they are embeddings: chunks have one length", () => {
    const embedding = { "gen_ai.operation.name": "embeddings", "gen_ai.usage.output_tokens": 0n };
    const spans = [sdk(1, [100, 200], { attributes: embedding }), chain(2, [99, 203], { attributes: embedding })];
    expect(costsOf(spans).filter(([status]) => status === "")).toEqual([]);
  });

  it("is remembered among many that are alike, within bounds", () => {
    const known = [sdk(1, [1, 2]), chain(2, [1, 2])];
    const alike = (count: number): readonly Span[] =>
      Array.from({ length: count }, (_, index) => sdk(index + 10, [1_000 + index, 1_001 + index]));
    const outer = (): Span => chain(5, [999, 1_003]);
    expect(costsOf([...known, ...alike(60), outer()]).at(-1)).toEqual(NOT);
    expect(costsOf([...known, ...alike(200), outer()]).at(-1)).toEqual(ONCE);
  });
});

describe("a cost that the sender reports", () => {
  const reported = { "llm.request.type": "chat", "llm.usage.total_cost": 0.25 };

  it("never wins over the price book", () => {
    expect(costsOf([spanOf(1, 0, { ...CALL, ...USAGE, ...reported })])).toEqual([["exact", NANO_USD]]);
  });

  it("is an estimate where no price is known, or no usage came", () => {
    const unknown = spanOf(1, 0, { ...CALL, ...USAGE, ...reported, "gen_ai.request.model": "our-llm" });
    expect(costsOf([unknown])).toEqual([["estimated", 250_000_000n]]);
    expect(unknown.facts.priceVersion).toBe("reported");
    expect(costsOf([spanOf(1, 0, { ...CALL, ...reported })])).toEqual([["estimated", 250_000_000n]]);
  });

  it("is not believed when it is zero: that is how unknown looks", () => {
    const zero = { ...CALL, ...USAGE, "gen_ai.request.model": "our-llm", "gen_ai.usage.cost": 0 };
    expect(costsOf([spanOf(1, 0, zero)])).toEqual([["unpriced", 0n]]);
  });
});
