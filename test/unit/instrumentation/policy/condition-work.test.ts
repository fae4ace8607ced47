/**
 * Goal: whatever a condition is asked over whatever arguments, it gives up within its bound of work, and does so each time. Method: for each
 * thing that a condition can do, arguments that make it dear; what is not refused as too large would take from ten milliseconds to a minute.
 */
import { describe, expect, it } from "vitest";
import { canonicalArguments } from "../../../../instrumentation/src/policy/canonical-json.ts";
import {
  compileCondition,
  type ConditionOutcome,
  conditionScope,
} from "../../../../instrumentation/src/policy/condition.ts";
import { DEFAULT_LABEL_ORDER } from "../../../../instrumentation/src/policy/label.ts";

const NOW = new Date("2026-11-22T12:00:00Z");
const TOO_LARGE = { ok: false, reason: expect.stringMatching(/the arguments are too large|too many m/) as string };

function evaluated(source: string, args: unknown): ConditionOutcome {
  const compiled = compileCondition(source);
  const canonical = canonicalArguments(args);
  if (!compiled.ok || !canonical.ok) throw new Error(JSON.stringify([compiled, canonical]));
  const call = { tool: "t", args: canonical.arguments.value, labels: DEFAULT_LABEL_ORDER };
  return compiled.condition.evaluate(conditionScope({ tool: { name: "t" }, now: NOW }, call));
}

const times = <T>(count: number, item: (index: number) => T): T[] => Array.from({ length: count }, (_, at) => item(at));
const members = (count: number): object => Object.fromEntries(times(count, (at) => [`k${at}`, 0]));
const long = "x".repeat(400_000);
const few = times(10, () => 0);

describe("a condition gives up", () => {
  it.each<[what: string, source: string, args: unknown]>([
    ["long beginnings", "args.xs.exists(x, args.a.startsWith(args.b))", { a: long, b: `${long.slice(1)}y`, xs: few }],
    ["long ends", "args.xs.exists(x, args.a.endsWith(args.b))", { a: long, b: `y${long.slice(1)}`, xs: few }],
    ["the order of long texts", "args.xs.exists(x, args.a < args.b)", { a: `${long}z`, b: `${long}y`, xs: few }],
    ["letters that are not ASCII", 'args.a.lowerAscii() == "a"', { a: "İ".repeat(200_000) }],
    ["letters that become two", 'args.a.upperAscii() == "a"', { a: "ŉ".repeat(200_000) }],
    ["doubles as texts", 'args.xs.exists(x, string(x) == "a")', { xs: times(5_000, (at) => 1.79e308 / (at + 1)) }],
    ["texts as doubles", "args.xs.exists(x, double(x) > 1e300)", { xs: times(500, () => `0.72${"7".repeat(57)}`) }],
    ["doubles as whole numbers", "args.xs.exists(x, int(x) == 1)", { xs: times(5_000, (at) => 9e18 - at * 1e5) }],
    [
      "durations",
      'args.xs.exists(x, duration(x) == duration("2s"))',
      { xs: times(500, () => "1h1m1s1ms1us1ns1h1m1s") },
    ],
    ["times", "args.xs.exists(x, timestamp(x) == now)", { xs: times(2_000, () => "2026-11-22T00:00:00.1+01:00") }],
    ["zones", "args.xs.exists(x, now.getHours(x) == 99)", { xs: ["Asia/Tokyo", "Europe/Paris", "Asia/Dubai", "UTC"] }],
    ["the size of a wide map", "size(args.m) == 1", { m: members(20_000) }],
    ["the keys of a wide map", 'args.m.exists(k, k == "zz")', { m: members(20_000) }],
    ["wide maps that are equal", "args.m == args.n", { m: members(20_000), n: members(20_000) }],
    ["marks on one letter", 'glob(args.a, "*b*")', { a: `a${"\u0327\u0301".repeat(4_000)}` }],
    [
      "patterns that come with the call",
      "args.ps.exists(p, glob(args.a, p))",
      { a: "a", ps: times(40, (at) => `{b${at},c}`) },
    ],
  ])("over %s", (_, source, args) => {
    expect(evaluated(source, args)).toMatchObject(TOO_LARGE);
  });
});

it("decides alike the first time and the second: nothing that is remembered makes a condition cheaper", () => {
  const source = "glob(args.a, args.p) || glob(args.a, args.q)";
  const args = { a: "a", p: "{b,c}{b,c}{b,c}1", q: "{b,c}{b,c}{b,c}2" };
  expect(evaluated(source, args)).toEqual(evaluated(source, args));
});

it("has room for what policies ask", () => {
  const berlin = times(20, (at) => `now.getHours("Europe/Berlin") == ${at + 30}`).join(" || ");
  expect(evaluated(berlin, {})).toEqual({ ok: true, met: false });
  const paths = times(200, (at) => `src/module-${at}/file.ts`);
  expect(evaluated('args.paths.all(p, glob(p, "src/*.{ts,tsx}") && p.startsWith("src/"))', { paths })).toEqual({
    ok: true,
    met: true,
  });
  const rows = times(200, (at) => ({ at: "2026-11-22T11:00:00Z", amount: `${at}.5`, name: "Jürgen" }));
  const row = 'timestamp(r.at) < now - duration("30m") && double(r.amount) < 500.0 && r.name.lowerAscii() != "x"';
  expect(evaluated(`args.rows.all(r, ${row})`, { rows })).toEqual({ ok: true, met: true });
  expect(evaluated("size(args.m) == 5000", { m: members(5_000) })).toEqual({ ok: true, met: true });
});
