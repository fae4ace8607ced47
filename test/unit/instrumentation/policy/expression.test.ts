import { describe, expect, it } from "vitest";
import { createExpressionLanguage } from "../../../../instrumentation/src/policy/expression.ts";

const language = createExpressionLanguage({
  variables: { name: "string", duration_ms: "double" },
  maps: ["attributes"],
});

const RECORD: Readonly<Record<string, unknown>> = { route: "/health", code: 200n, tags: ["a", "b"], ratio: 0.5 };

function outcome(source: string, result: "bool" | "any" = "bool") {
  const compiled = language.compile(source, result);
  if (!compiled.ok) return compiled.message;
  const read: string[] = [];
  const evaluated = compiled.expression.evaluate({
    variable: (name) => (name === "name" ? "probe" : 12.5),
    member(_map, key) {
      read.push(key);
      return RECORD[key];
    },
  });
  return { ...evaluated, read };
}

describe("expressions over records", () => {
  it.each([
    ['name == "probe" && duration_ms > 5', true],
    ['attributes["route"] == "/health"', true],
    ["attributes.route.startsWith('/h')", true],
    ['attributes["code"] >= 200 && attributes["code"] < 300', true],
    ['"b" in attributes["tags"]', true],
    ['glob(name, "pro*")', true],
    ['"nothing" in attributes', false],
    ["has(attributes.nothing)", false],
    ['attributes["nothing"] == "x"', false],
    ['attributes["nothing"] != "x"', true],
    ['"nothing" in attributes && attributes["nothing"].startsWith("x")', false],
  ])("%s is %s", (source, value) => {
    expect(outcome(source)).toMatchObject({ kind: "value", value });
  });

  it("have no value where they need a member that is not there", () => {
    expect(outcome('attributes["nothing"].startsWith("x")')).toMatchObject({ kind: "absent" });
    expect(outcome('attributes["nothing"]', "any")).toMatchObject({ kind: "absent" });
    expect(outcome('attributes["nothing"] + 1 == 2')).toMatchObject({ kind: "absent" });
  });

  it("fail with a reason where a value has another type", () => {
    expect(outcome('attributes["code"].startsWith("2")')).toMatchObject({ kind: "error" });
    expect(outcome('attributes["route"]')).toMatchObject({ kind: "value", value: "/health" });
  });

  it("read nothing but the members they name", () => {
    expect(outcome('attributes["route"] == "x" || attributes["code"] == 1')).toMatchObject({ read: ["route", "code"] });
    expect(outcome('name == "x"')).toMatchObject({ read: [] });
  });

  it.each([
    ["attributes.exists(k, true)", "calls `exists`"],
    ['name.matches("(a+)+$")', "calls `matches`"],
    ["attributes[name] == 1", "needs a key in quotes"],
    ["size(attributes) > 1", "needs a key in quotes"],
    ["nmae == 'x'", "nmae"],
    ["name ==", ""],
    ["1 + 1", "gives int, and must give bool"],
    [`name == "${"x".repeat(3_000)}"`, "is longer than"],
  ])("refuse %s when they are compiled", (source, message) => {
    expect(outcome(source)).toContain(message);
  });

  it("say where in the source the trouble is", () => {
    expect(language.compile('name == "x" &&\n nmae', "bool")).toMatchObject({ ok: false, line: 2 });
  });

  it("give values of any type on request", () => {
    expect(outcome('"x-" + string(attributes["code"])', "any")).toMatchObject({ kind: "value", value: "x-200" });
  });
});
