import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { duplicateNames, parseBudget } from "../../../src/budget/budget-document.ts";
import { readBudget, writeBudget } from "../../../src/budget/rules/events.ts";
import type { Budget } from "../../../src/budget/budget.ts";

const base = { kind: "budget", name: "b", limit: "$1", window: "day" };

function read(document: unknown): Budget {
  const reading = parseBudget(document);
  if (reading.outcome === "refused") throw new Error(JSON.stringify(reading.problems));
  return reading.budget;
}

function problems(document: unknown): Record<string, string> {
  const reading = parseBudget(document);
  if (reading.outcome === "success") throw new Error("was accepted");
  return Object.fromEntries(reading.problems.map(({ path, message }) => [path, message]));
}

describe("a budget document", () => {
  it("is read as the public surface shows it", () => {
    const document: unknown = parse(`
      kind: budget
      name: checkout-fleet
      scope: { team: checkout }
      each: agent
      limit: $25.00
      window: day
      time_zone: Europe/Berlin
      mode: hard
      unknown_price: deny
      thresholds:
        - { at: 90%, do: require_approval }
        - { at: 80%, do: downgrade, fallback: { gpt-4o: gpt-4o-mini } }
        - { at: 100%, do: stop }
    `);
    expect(read(document)).toEqual({
      name: "checkout-fleet",
      scope: { team: "checkout" },
      each: "agent",
      eachMax: 100_000,
      measure: "usd",
      limit: 25_000_000_000n,
      window: { kind: "calendar", unit: "day" },
      timeZone: "Europe/Berlin",
      mode: "hard",
      unknownPrice: "deny",
      thresholds: [
        { atPercent: 80, do: "downgrade", fallback: { "gpt-4o": "gpt-4o-mini" } },
        { atPercent: 90, do: "require_approval" },
        { atPercent: 100, do: "stop" },
      ],
    });
  });

  it("is hard, in UTC and denies unpriced models unless it says otherwise", () => {
    const defaults = { scope: {}, mode: "hard", unknownPrice: "deny", timeZone: "UTC", thresholds: [] };
    expect(read(base)).toMatchObject(defaults);
  });

  it("can't be changed after it was read", () => {
    const budget = read({ ...base, scope: { team: "a" }, thresholds: [{ at: "5%", do: "notify" }] });
    for (const part of [budget, budget.scope, budget.window, budget.thresholds, budget.thresholds[0]]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it.each([
    ["$25.00", "usd", 25_000_000_000n],
    ["0.50", "usd", 500_000_000n],
    [0.5, "usd", 500_000_000n],
    [0.1, "usd", 100_000_000n],
    [0.0000001, "usd", 100n],
    [0.000000001, "usd", 1n],
    [25, "usd", 25_000_000_000n],
    ["$0.000000001", "usd", 1n],
    ["2000000 tokens", "tokens", 2_000_000n],
    ["1 token", "tokens", 1n],
    ["500 calls", "calls", 500n],
    ["9223372036854775807 tokens", "tokens", 9_223_372_036_854_775_807n],
  ])("reads the limit %s exactly", (limit, measure, amount) => {
    expect(read({ ...base, limit })).toMatchObject({ measure, limit: amount });
  });

  it.each([
    "5abc",
    "abc",
    "",
    "$",
    "-5",
    -5,
    0,
    "0",
    "$0.00",
    "0 calls",
    "-1 tokens",
    "1e3",
    1e21,
    "0x10",
    "1,000",
    "1.0000000001",
    0.00000000001,
    "Infinity",
    "NaN",
    "5.5 tokens",
    "5 dollars",
    "5 calls 6",
    "٥",
    "9223372036854775808 tokens",
    "9223372037",
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    null,
    true,
    [],
    {},
    "9".repeat(5000),
  ])("refuses the limit %j with its path", (limit) => {
    const found = problems({ ...base, limit });
    expect(Object.keys(found)).toEqual(["limit"]);
    expect(found["limit"]?.length).toBeLessThan(150);
  });

  it.each([
    [{ window: "minute" }, { kind: "calendar", unit: "minute" }],
    [{ window: "month" }, { kind: "calendar", unit: "month" }],
    [{ window: "lifetime" }, { kind: "lifetime" }],
    [{ window: "session" }, { kind: "run", label: "session" }],
    [{ window: "workflow" }, { kind: "run", label: "workflow" }],
    [{ rolling: "24h" }, { kind: "rolling", durationMs: 86_400_000 }],
    [{ rolling: "1m" }, { kind: "rolling", durationMs: 60_000 }],
    [{ rolling: "366d" }, { kind: "rolling", durationMs: 31_622_400_000 }],
  ])("reads the window %j", (window, expected) => {
    expect(read({ ...base, window: undefined, ...window }).window).toEqual(expected);
  });

  it.each([
    [{}, "window"],
    [{ window: "day", rolling: "24h" }, "window"],
    [{ window: "fortnight" }, "window"],
    [{ window: 0 }, "window"],
    [{ rolling: "0h" }, "rolling"],
    [{ rolling: "367d" }, "rolling"],
    [{ rolling: "24" }, "rolling"],
    [{ rolling: "-1h" }, "rolling"],
    [{ rolling: 24 }, "rolling"],
  ])("refuses the window %j", (window, path) => {
    expect(Object.keys(problems({ ...base, window: undefined, ...window }))).toEqual([path]);
  });

  it.each(["Mars/Olympus", "", "+02:00", "Europe/Berlin ", 5])("refuses the time zone %j", (zone) => {
    expect(Object.keys(problems({ ...base, time_zone: zone }))).toEqual(["time_zone"]);
  });

  it.each(["180%", "0%", "100.01%", "80", 80, 0.8, "80 percent", "-5%", "NaN%", "8e1%", "33.333%", ""])(
    "refuses a threshold at %j",
    (at) => {
      expect(Object.keys(problems({ ...base, thresholds: [{ at, do: "notify" }] }))).toEqual(["thresholds[0].at"]);
    },
  );

  it("refuses a percentage that is there twice, however it is written", () => {
    const thresholds = [
      { at: "80%", do: "notify" },
      { at: "80.0%", do: "stop" },
    ];
    expect(problems({ ...base, thresholds })).toEqual({ "thresholds[1].at": "80% is there twice" });
  });

  it("wants a model to fall back to, for a downgrade and for nothing else", () => {
    const one = (threshold: object): string[] => Object.keys(problems({ ...base, thresholds: [threshold] }));
    expect(one({ at: "80%", do: "downgrade" })).toEqual(["thresholds[0].fallback"]);
    expect(one({ at: "80%", do: "downgrade", fallback: {} })).toEqual(["thresholds[0].fallback"]);
    expect(one({ at: "80%", do: "downgrade", fallback: { a: "a" } })).toEqual(["thresholds[0].fallback"]);
    expect(one({ at: "80%", do: "stop", fallback: { a: "b" } })).toEqual(["thresholds[0].fallback"]);
  });

  it.each(["", "__proto__", "1abc", "a b", "a\nb", "a".repeat(200), "ünï"])("refuses the label name %j", (name) => {
    const scope = JSON.parse(`{${JSON.stringify(name)}: "x"}`) as unknown;
    expect(Object.keys(problems({ ...base, scope }))).toEqual([`scope.${name}`]);
    expect(Object.keys(problems({ ...base, each: name }))).toEqual(["each"]);
  });

  it.each(["", "!prod", "[", "a{", "+(a)"])("refuses the pattern %j", (pattern) => {
    expect(Object.keys(problems({ ...base, scope: { team: pattern } }))).toEqual(["scope.team"]);
  });

  it("refuses ten thousand labels", () => {
    const scope = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`l${index}`, "x"]));
    expect(problems({ ...base, scope })).toEqual({ scope: "a scope has at most 32 labels" });
  });

  it("names every problem at once, each with its path", () => {
    const document = {
      kind: "budget",
      name: "",
      limit: "5abc",
      windows: "day",
      time_zone: "Mars/Olympus",
      mode: "harsh",
      scope: { "": "x", team: "[" },
      thresholds: [
        { at: "180%", do: "downgrade" },
        { at: "50%", do: "notify" },
        { at: "50%", do: "explode" },
      ],
    };
    expect(Object.keys(problems(document)).sort()).toEqual(
      [
        "limit",
        "mode",
        "name",
        "scope.",
        "scope.team",
        "thresholds[0].at",
        "thresholds[0].fallback",
        "thresholds[2].at",
        "thresholds[2].do",
        "time_zone",
        "window",
        "windows",
      ].sort(),
    );
  });

  it.each([null, undefined, 5, "budget", [], { kind: "policy" }])("refuses %j, which is no budget", (document) => {
    expect(parseBudget(document).outcome).toBe("refused");
  });
});

describe("budgets together", () => {
  it("have one name each", () => {
    const named = (name: string): Budget => read({ ...base, name });
    expect(duplicateNames([named("a"), named("b"), named("a"), named("a")])).toEqual(["a"]);
    expect(duplicateNames([named("a"), named("b")])).toEqual([]);
  });
});

describe("the measure of a limit", () => {
  it.each([
    ["$1", "usd"],
    ["5 tokens", "tokens"],
    ["5 input tokens", "input_tokens"],
    ["1 output token", "output_tokens"],
    ["5 cached tokens", "cached_tokens"],
    ["5 reasoning tokens", "reasoning_tokens"],
    ["5 calls", "calls"],
    ["5 tool calls", "tool_calls"],
    ["5 unpriced calls", "unpriced_calls"],
    ["5 unpriced tokens", "unpriced_tokens"],
    ["5 concurrent runs", "concurrent_runs"],
  ])("%s is in %s", (limit, measure) => {
    const reading = parseBudget({ kind: "budget", name: "b", limit, window: "lifetime" });
    expect(reading).toMatchObject({ outcome: "success", budget: { measure } });
  });
});

describe("what goes with each, windows and thresholds", () => {
  const base = { kind: "budget", name: "b", limit: "$10", window: "day" };
  const refusals: [string, Record<string, unknown>, string, string][] = [
    ["exceptions without each", { exceptions: { vip: "$1" } }, "exceptions", "goes with `each`"],
    ["each_max without each", { each_max: 5 }, "each_max", "goes with `each`"],
    [
      "an exception in another measure",
      { each: "user", exceptions: { vip: "5 calls" } },
      "exceptions.vip",
      "counted as",
    ],
    ["an exception of 5abc", { each: "user", exceptions: { vip: "5abc" } }, "exceptions.vip", "expected an amount"],
    ["one value twice", { each: "user", exceptions: { VIP: "$1", vip: "$2" } }, "exceptions.vip", "same value"],
    ["each_max of 0", { each: "user", each_max: 0 }, "each_max", ">=1"],
    ["carry_over above 100 %", { carry_over: "120%" }, "carry_over", "a share like"],
    ["carry_over of a session", { window: "session", carry_over: "all" }, "carry_over", "only calendar windows"],
    ["a zone of a lifetime", { window: "lifetime", time_zone: "UTC" }, "time_zone", "only calendar windows"],
    ["window 0", { window: 0 }, "window", "expected one of"],
    ["runs with a window", { limit: "5 concurrent runs" }, "window", "have no window"],
    ["a limit past Int64", { limit: "9223372036854775808 tokens" }, "limit", "more than fits"],
    ["a limit past 2^53 as a number", { limit: 1e16 }, "limit", "expected an amount"],
    ["a hostile label", { scope: { "a b\u0000": "x" } }, "scope.a b\u0000", "a label's name"],
    ["a hostile each", { each: "../../etc" }, "each", "a label's name"],
    ["a former name that is its name", { renamed_from: "b" }, "renamed_from", "another one"],
  ];
  it.each(refusals)("%s is refused with its path", (_, change, path, reason) => {
    const reading = parseBudget({ ...base, ...change });
    if (reading.outcome !== "refused") throw new Error("it was taken");
    const found = reading.problems.find((problem) => problem.path === path);
    expect(found?.message ?? reading.problems).toContain(reason);
  });

  const thresholdRefusals: [string, Record<string, unknown>, string, string][] = [
    ["above 100 %", { at: "101%", do: "stop" }, "at", "up to 100%"],
    ["a timeout of a stop", { at: "50%", do: "stop", timeout: "5m" }, "timeout", "only `pause` and `require_approval`"],
    [
      "a finalisation of a pause",
      { at: "50%", do: "pause", finalisation: "$1" },
      "finalisation",
      "only `stop_gracefully`",
    ],
    [
      "more finalisation than there is",
      { at: "90%", do: "stop_gracefully", finalisation: "$2" },
      "finalisation",
      "less than that",
    ],
    [
      "a finalisation in tokens",
      { at: "90%", do: "stop_gracefully", finalisation: "5 tokens" },
      "finalisation",
      "as the limit is",
    ],
    ["a downgrade to nothing", { at: "90%", do: "downgrade" }, "fallback", "needs a model"],
    [
      "fallbacks in a cycle",
      { at: "90%", do: "downgrade", fallback: { a: "b", b: "c", c: "a" } },
      "fallback",
      "lead back",
    ],
    ["max_output_tokens of 0", { at: "90%", do: "downgrade", max_output_tokens: 0 }, "max_output_tokens", ">=1"],
  ];
  it.each(thresholdRefusals)("a threshold with %s is refused with its path", (_, threshold, key, reason) => {
    const reading = parseBudget({ ...base, thresholds: [threshold] });
    if (reading.outcome !== "refused") throw new Error("it was taken");
    const found = reading.problems.find((problem) => problem.path === `thresholds[0].${key}`);
    expect(found?.message ?? reading.problems).toContain(reason);
  });

  it("all of it is read", () => {
    const reading = parseBudget({
      ...base,
      each: "user",
      exceptions: { VIP: "$100" },
      each_max: 10,
      carry_over: "20%",
      thresholds: [
        { at: "70%", do: "downgrade", max_output_tokens: 500, reasoning_effort: "low" },
        { at: "80%", do: "pause", timeout: "10m" },
        { at: "90%", do: "stop_gracefully", finalisation: "$0.05" },
      ],
    });
    expect(reading).toMatchObject({
      outcome: "success",
      budget: {
        exceptions: { vip: 100_000_000_000n },
        eachMax: 10,
        carryOverPercent: 20,
        thresholds: [
          { maxOutputTokens: 500, reasoningEffort: "low", fallback: {} },
          { timeoutMs: 600_000 },
          { finalisation: 50_000_000n },
        ],
      },
    });
    const budget = "budget" in reading ? reading.budget : undefined;
    expect(budget && readBudget(JSON.parse(JSON.stringify(writeBudget(budget))) as never)).toEqual(budget);
  });
});
