/**
 * Goal: our evaluator means by CEL what cel-js means, and never takes long. Method: random conditions over the same
 * variables run in both (cel-js's own evaluator is the reference); hostile arguments run under a bound of work, not of time.
 */
import { createRequire } from "node:module";
import type * as Cel from "@marcbachmann/cel-js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Meter, WorkExceeded } from "../../../../instrumentation/src/policy/cel/meter.ts";
import { findText } from "../../../../instrumentation/src/policy/cel/find-text.ts";
import { compileProgram } from "../../../../instrumentation/src/policy/cel/program.ts";

const { Environment } = createRequire(import.meta.url)("@marcbachmann/cel-js") as typeof Cel;
const environment = new Environment({ homogeneousAggregateLiterals: false })
  .registerVariable("a", "dyn")
  .registerVariable("n", "int")
  .registerVariable("d", "double")
  .registerVariable("s", "string")
  .registerVariable("t", "google.protobuf.Timestamp")
  .registerVariable("l", "list<string>");

const LANGUAGE = { functions: new Map<string, never>(), paths: new Map<string, never>() };
const VARIABLES = {
  a: { n: 5, s: "text", list: [1, 2, 3], map: { x: 1, y: "z" }, none: null, yes: true },
  n: 7n,
  d: 2.5,
  s: "Tollgate",
  t: new Date("2026-11-21T03:12:05Z"),
  l: ["read", "write"],
};

/** The value, or "error". */
function ours(source: string): unknown {
  const program = environment.parse(source);
  program.check();
  const run = compileProgram(program.ast, LANGUAGE);
  try {
    return run({ variables: VARIABLES, meter: new Meter(), locals: [] });
  } catch {
    return "error";
  }
}

function reference(source: string): unknown {
  const program = environment.parse(source);
  program.check();
  try {
    return program(VARIABLES);
  } catch {
    return "error";
  }
}

const atoms = fc.constantFrom(
  ..."a.n a.s a.list a.map a.none a.yes a.nope n d s l 5 2.5 'text' true false null a.list[0] a['s'] t size(s) [1,2] {'x':1}".split(
    " ",
  ),
);
const { expression } = fc.letrec((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthIdentifier: "d" },
    atoms,
    fc
      .tuple(
        tie("expression"),
        fc.constantFrom("==", "!=", "<", "<=", ">", ">=", "&&", "||", "in", "+", "-", "*"),
        tie("expression"),
      )
      .map(([left, operator, right]) => `(${String(left)} ${operator} ${String(right)})`),
    fc
      .tuple(tie("expression"), tie("expression"), tie("expression"))
      .map((parts) => `(${parts.join(" ? ").replace(/ \? ([^?]*)$/, " : $1")})`),
    tie("expression").map((inner) => `!(${String(inner)})`),
    fc
      .tuple(fc.constantFrom("exists", "all", "filter", "map", "exists_one"), tie("expression"))
      .map(([macro, body]) => `a.list.${macro}(x, ${String(body)})`),
    fc
      .tuple(tie("expression"), fc.constantFrom("contains", "startsWith", "endsWith"))
      .map(([inner, name]) => `s.${name}(${String(inner)})`),
    fc.constantFrom(
      "has(a.n)",
      "has(a.nope)",
      "has(a.map.x)",
      "has(a.nope.x)",
      "t.getHours()",
      "t.getDayOfWeek()",
      "s.lowerAscii()",
    ),
  ),
}));

describe("the evaluator", () => {
  it("gives what cel-js gives, or says less: never a decision where cel-js fails", () => {
    let compared = 0;
    fc.assert(
      fc.property(expression, (generated) => {
        const source = String(generated);
        if (!environment.check(source).valid) return;
        const [left, right] = [ours(source), reference(source)];
        compared += 1;
        // cel-js takes the type of a list from its first item, and fails where the language compares.
        if (right === "error" && typeof left === "boolean") return;
        expect({ source, value: left }).toEqual({ source, value: right });
      }),
      { numRuns: 3_000 },
    );
    expect(compared).toBeGreaterThan(300);
  });

  it.each<[string, unknown]>([
    ["a.n == 5", true],
    ["a.n == '5'", false],
    ["5 in a.list", false],
    ["2 in a.list", true],
    ["'x' in a.map", true],
    ["a.nope == 1 || true", true],
    ["a.nope == 1 && false", false],
    ["a.nope == 1 && true", "error"],
    ["a.s + 1", "error"],
    ["a.list[7]", "error"],
    ["has(a.nope.deeper)", "error"],
    ["a.list.exists(x, a.list.exists(x, x == 3) && x == 1)", true],
    ["a.list.map(x, x * 2.0)", [2, 4, 6]],
    ["a.list.map(x, x > 1, x)", [2, 3]],
    ["a.list.exists(x, x.nope) || true", true],
    ["duration('1h30m') > duration('89m')", true],
    ["timestamp('2026-11-21T04:12:05Z') - t == duration('1h')", true],
    ["t + duration('1s') > t", true],
    ["t.getHours('Europe/Berlin')", 4n],
    ["t.getHours('Mars/Olympus')", "error"],
    ["int('12') + 1", 13n],
    ["double('1e3')", 1000],
    ["9223372036854775807 + 1", "error"],
    ["1 / 0", "error"],
    ["-(a.n)", -5],
    ["s.indexOf('gate')", 4n],
    ["size(a.map)", 2n],
    ["{'__proto__': 1}.constructor", "error"],
  ])("of %s is %s", (source, value) => {
    expect(ours(source)).toEqual(value);
  });
});

describe("the work of a condition", () => {
  const MILLION = 1_000_000;
  const hostile: readonly [string, Readonly<Record<string, unknown>>][] = [
    ["a.text.contains(a.part)", { text: "x".repeat(900_000), part: `${"x".repeat(50_000)}b${"x".repeat(50_000)}` }],
    ["duration(a.text) > duration('1s')", { text: "1h".repeat(MILLION / 2) }],
    ["glob(a.text, '*9?8*')", { text: "9".repeat(MILLION) }],
    ["int(a.text) > 5 || double(a.text) > 5.0", { text: "9".repeat(MILLION) }],
    ["a.list.exists(x, a.list.exists(y, x == y + 0.5))", { list: Array.from({ length: 20_000 }, (_, index) => index) }],
    ["a.list.exists(x, x.nope)", { list: Array.from({ length: 90_000 }, () => 1) }],
    [
      "a.list.all(x, a.text.contains(x))",
      { text: "ab".repeat(200_000), list: Array.from({ length: 5_000 }, () => "ba") },
    ],
    ["a.list.map(x, a.list).size() > 1", { list: Array.from({ length: 90_000 }, () => 1) }],
    ["a.list.map(x, glob(x, x)).size() > 1", { list: Array.from({ length: 5_000 }, (_, i) => `{a,b}{c,d}{e,f}${i}`) }],
    ["a.list.map(x, a.text + a.text).size() > 1", { text: "x".repeat(500_000), list: [1, 2, 3, 4, 5, 6, 7, 8] }],
    ["{'a': 1}[a.text] == 1", { text: "x".repeat(MILLION) }],
  ];

  it.each(hostile)("%s ends, whatever the arguments", (source, a) => {
    const glob = environment.clone().registerFunction("glob(string, string): bool", () => true);
    const program = glob.parse(source);
    program.check();
    const run = compileProgram(program.ast, LANGUAGE);
    const meter = new Meter();
    // A value, or an error in words that end: what it may cost is the meter's affair, and no clock is asked.
    let outcome: unknown;
    try {
      outcome = run({ variables: { ...VARIABLES, a }, meter, locals: [] });
    } catch (error) {
      outcome = (error as Error).message;
    }
    expect(String(outcome).length).toBeLessThan(300);
  });

  it("finds a text as the engine's own search does", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 400 });
    fc.assert(
      fc.property(text, text, (whole, part) => {
        expect(findText(whole.repeat(400), part, new Meter(1e9))).toBe(whole.repeat(400).indexOf(part));
      }),
      { numRuns: 200 },
    );
  });

  it("that is used up can't be caught", () => {
    const program = environment.parse("a.list.exists(x, x == 2.5) || true");
    program.check();
    const run = compileProgram(program.ast, LANGUAGE);
    const a = { list: Array.from({ length: 500_000 }, () => 1) };
    expect(() => run({ variables: { ...VARIABLES, a }, meter: new Meter(), locals: [] })).toThrow(WorkExceeded);
  });
});
