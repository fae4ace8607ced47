import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { argumentsDigest, canonicalArguments, canonicalJson } from "../../../../instrumentation/src/policy/index.ts";

/** The reason of a refusal; "" when there is none. */
function reasonOf(value: unknown): string {
  const outcome = canonicalArguments(value);
  return outcome.ok ? "" : outcome.reason;
}

describe("canonical JSON", () => {
  it("sorts and writes as RFC 8785 does in its example (section 3.2.2)", () => {
    const example = {
      numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    };
    expect(canonicalJson(example)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it("sorts by UTF-16 code units (section 3.2.3)", () => {
    const keys = ["\u20ac", "\r", "\ufb33", "1", "\ud83d\ude00", "\u0080", "\u00f6"];
    const sorted = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\ud83d\ude00", "\ufb33"];
    const json = canonicalJson(Object.fromEntries(keys.map((key) => [key, 0]))) ?? "";
    expect(
      [...json.matchAll(/"((?:\\.|[^"\\])*)":0/gu)].map((match): unknown => JSON.parse(`"${match[1] ?? ""}"`)),
    ).toEqual(sorted);
  });

  it("does not depend on the order of members, and reads back the same", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ stringUnit: "grapheme" })), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        const json = canonicalJson(value) ?? "";
        expect(canonicalJson(reversed)).toBe(json);
        expect(canonicalJson(JSON.parse(json))).toBe(json);
      }),
    );
  });

  it.each([
    ["NaN", { a: Number.NaN }, /`arguments\.a` is NaN/],
    ["Infinity", [Number.POSITIVE_INFINITY], /`arguments\[0\]` is Infinity/],
    ["a BigInt", { a: 1n }, /bigint/],
    ["a function", { a: () => 1 }, /function/],
    ["toJSON", { toJSON: () => ({ safe: true }) }, /function/],
    ["a symbol", { a: Symbol("x") }, /symbol/],
    ["a symbol as a key", { [Symbol("x")]: 1 }, /symbol/],
    ["undefined in a list", [undefined], /undefined/],
    ["a hole in a list", [1, , 3], /plain array/], // eslint-disable-line no-sparse-arrays
    ["a list with a name", Object.assign([1], { extra: 2 }), /plain array/],
    ["a lone surrogate", { a: "\ud800" }, /surrogate/],
    ["a lone surrogate in a key", { "\udc00": 1 }, /surrogate/],
    ["a date", { a: new Date(0) }, /plain object/],
    ["a buffer", { a: Buffer.from("x") }, /plain object/],
    ["a map", new Map(), /plain object/],
    ["an instance", new (class Account {})(), /plain object/],
    ["a hidden member", Object.defineProperty({}, "a", { value: 1 }), /hidden/],
    ["a text of 2 MB", { a: "x".repeat(2_000_000) }, /longer than/],
    ["200 000 values", Array.from({ length: 200_000 }, () => 0), /more than/],
    ["a sparse list of 4 billion", Object.assign([], { length: 4_294_967_295 }), /more than/],
  ])("does not exist for %s", (_, value, reason) => {
    expect(reasonOf(value)).toMatch(reason);
  });

  it("does not exist for a cycle, and does for one object in two places", () => {
    const shared = { x: 1 };
    const cycle: Record<string, unknown> = { shared };
    cycle["self"] = [cycle];
    expect(reasonOf(cycle)).toMatch(/contains itself/);
    expect(canonicalJson([shared, shared])).toBe('[{"x":1},{"x":1}]');
  });

  it("does not exist for what is nested a thousand deep, or doubles at every level", () => {
    let deep: unknown = 1;
    let wide: unknown = 1;
    for (let depth = 0; depth < 1000; depth += 1) deep = [deep];
    for (let depth = 0; depth < 40; depth += 1) wide = [wide, wide];
    expect([reasonOf(deep), reasonOf(wide)]).toEqual([
      expect.stringMatching(/nested deeper/),
      expect.stringMatching(/more than/),
    ]);
  });

  it("does not exist for an object with too many members, which are not sorted first", () => {
    const members = Object.fromEntries(Array.from({ length: 100_001 }, (_, at) => [`k${at}`, 0]));
    expect(canonicalArguments({ a: members })).toEqual({
      ok: false,
      reason: "`arguments.a` has more than 100000 members",
    });
  });

  it("never runs the caller's code: accessors, traps", () => {
    let ran = 0;
    const trap = () => {
      ran += 1;
      throw new Error("hostile");
    };
    const hostile = new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap });
    const accessor = Object.defineProperty({}, "a", { get: trap, enumerable: true });
    const item = Object.defineProperty([], 0, { get: trap, enumerable: true, configurable: true });
    expect([hostile, { a: hostile }, accessor, item].map(reasonOf)).toEqual([
      expect.stringMatching(/Proxy/),
      expect.stringMatching(/Proxy/),
      expect.stringMatching(/accessor/),
      expect.stringMatching(/accessor/),
    ]);
    expect(ran).toBe(0);
  });

  it("comes with a copy that is frozen at every depth and not the caller's", () => {
    const inner = { list: [1, { x: 1 }] };
    const outcome = canonicalArguments({ inner });
    inner.list.push(2);
    const copy = (outcome.ok ? outcome.arguments.value : undefined) as { inner: { list: [number, { x: number }] } };
    expect(copy).toEqual({ inner: { list: [1, { x: 1 }] } });
    expect([copy, copy.inner, copy.inner.list, copy.inner.list[1]].every((each) => Object.isFrozen(each))).toBe(true);
  });

  it("keeps a member called __proto__ a member", () => {
    const outcome = canonicalArguments(JSON.parse('{"__proto__":{"admin":true},"constructor":1}'));
    const copy = outcome.ok ? outcome.arguments.value : undefined;
    expect(Object.keys(copy ?? {})).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  it("leaves out members that are undefined, writes -0 as 0, and takes objects without a prototype", () => {
    const bare: unknown = Object.assign(Object.create(null) as object, { b: -0, a: undefined });
    expect(canonicalJson(bare)).toBe('{"b":0}');
  });

  it("has SHA-256 of its UTF-8 as its digest", () => {
    expect(argumentsDigest({})).toBe("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    expect(argumentsDigest({ a: 1n })).toBeUndefined();
  });

  it("is what the comments of its source promise: no other module is needed but node's own", () => {
    const source = readFileSync(
      new URL("../../../../instrumentation/src/policy/canonical-json.ts", import.meta.url),
      "utf8",
    );
    expect([...source.matchAll(/from "([^"]+)"/g)].map((match) => match[1])).toEqual(["node:crypto", "node:util"]);
  });
});
