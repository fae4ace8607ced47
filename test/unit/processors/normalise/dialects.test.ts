/**
 * Goal: every dialect of LLM spans is understood as the provider billed it. Method: golden files of what the real
 * instrumentation packages exported (scripts/record-dialects), through the real decoder, normalise and cost, against a
 * table written by hand from the simulator's bills, which are in the golden files too.
 */
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { describe, expect, it } from "vitest";
import { textAttribute } from "../../../../src/pdata/attribute-read.ts";
import { decodeJsonTraces } from "../../../../src/pdata/otlp/json-traces.ts";
import type { Span } from "../../../../src/pdata/span.ts";
import { applyCost } from "../../../../src/processors/cost/cost.ts";
import { ToldCalls } from "../../../../src/processors/cost/told-calls.ts";
import { spendOf } from "../../../../src/processors/meter/meter.ts";
import { normalise } from "../../../../src/processors/normalise/normalise.ts";
import { EXPECTED } from "./expected-calls.ts";
import type { ExpectedCall, ExpectedScenario } from "./scenario-calls.ts";

interface Bill {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly nano_usd: string;
}

const FOLDER = join(import.meta.dirname, "../../../fixtures/dialects");
const prices = createPriceBook({ house: [] });
const names = readdirSync(FOLDER).map((file) => basename(file, ".json"));

function process(name: string): { readonly spans: readonly Span[]; readonly bills: readonly Bill[] } {
  const body = readFileSync(join(FOLDER, `${name}.json`));
  const decoded = decodeJsonTraces(body);
  if (decoded.kind !== "decoded") throw new Error(decoded.reason);
  const told = new ToldCalls();
  for (const span of decoded.spans) {
    normalise(span);
    applyCost(span, prices, told);
  }
  const spans = decoded.spans.toSorted((a, b) => Number(a.startUnixNano - b.startUnixNano));
  const { bills } = JSON.parse(body.toString("utf8")) as { readonly bills: readonly Bill[] };
  return { spans, bills };
}

function callOf({ facts }: Span): ExpectedCall {
  const { provider, requestModel, model, inputTokens, outputTokens, costNanoUsd } = facts;
  const { cacheReadTokens, cacheWriteTokens, reasoningTokens, costStatus } = facts;
  const tokens = { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens };
  if (costStatus === "") throw new Error("not a call");
  return { provider, requestModel, model, ...tokens, costNanoUsd, costStatus };
}

const isCall = ({ facts }: Span): boolean => facts.costStatus !== "";

describe.each(names)("spans of %s", (name) => {
  const expected = EXPECTED[name] as ExpectedScenario;
  const { spans, bills } = process(name);
  const calls = spans.filter(isCall);
  const billed = bills.filter((_bill, index) => expected.silent?.includes(index) !== true);

  it("are one call each, with the provider's tokens, models and cost", () => {
    expect(calls.map(callOf)).toEqual(expected.calls);
  });

  it("cost what the provider billed, to the nano-dollar, but for what the sender leaves out", () => {
    const sums = (index: number): readonly unknown[] => {
      const facts = calls[index]?.facts;
      return [facts?.inputTokens, facts?.outputTokens, facts?.costNanoUsd];
    };
    const differing = billed.flatMap((bill, index) => {
      const sum = [bill.input_tokens, bill.output_tokens, BigInt(bill.nano_usd)];
      return JSON.stringify(sum.map(String)) === JSON.stringify(sums(index).map(String)) ? [] : [String(index)];
    });
    expect(calls).toHaveLength(billed.length);
    expect(differing).toEqual(Object.keys(expected.differs));
  });

  it("are metered once: aggregates are labelled, and spend nothing", () => {
    const spending = spans.filter((span) => (spendOf(span)?.of ?? "tool_call") !== "tool_call");
    expect(spending).toEqual(calls);
    const aggregates = spans.filter(({ attributes }) => attributes.get("tollgate.usage.aggregate") === true);
    expect(aggregates.filter(isCall)).toEqual([]);
    expect(aggregates).toHaveLength(expected.aggregates);
  });

  it("say who, in which session, and with which tools", () => {
    const values = (of: (span: Span) => string): readonly string[] =>
      [...new Set(spans.map(of))].filter((value) => value !== "");
    expect(values(({ facts }) => facts.session)).toEqual(expected.session === "" ? [] : [expected.session]);
    expect(values(({ facts }) => facts.user)).toEqual(expected.user === "" ? [] : [expected.user]);
    expect(values(({ facts }) => facts.tool)).toEqual(expected.tools);
    expect(values(({ attributes }) => textAttribute(attributes, "gen_ai.agent.name"))).toEqual(expected.agents);
  });

  it("say what failed", () => {
    for (const span of spans.filter(({ statusCode }) => statusCode === 2)) {
      expect(span.attributes.get("error.type")).toEqual(expect.any(String));
    }
  });
});

it("has a table for every golden file, and a golden file for every table", () => {
  expect(new Set(names)).toEqual(new Set(Object.keys(EXPECTED)));
});
