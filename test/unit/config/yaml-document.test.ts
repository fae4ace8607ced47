import { describe, expect, it } from "vitest";
import { formatProblem } from "../../../src/config/problem.ts";
import { readYaml } from "../../../src/config/yaml-document.ts";

const read = (text: string, environment: Record<string, string> = {}) =>
  readYaml({ file: "t.yaml", text, environment });

describe("readYaml", () => {
  it("finds the line and column of a key, however deep", () => {
    const [document] = read("a:\n  b:\n    - c: 1\n      d: 2\n").documents;
    expect(document?.locate(["a", "b", 0, "d"])).toEqual({ line: 4, column: 7 });
  });

  it("gives a missing key the place of its nearest parent", () => {
    const [document] = read("a:\n  b: 1\n").documents;
    expect(document?.locate(["a", "missing", "deeper"])).toEqual({ line: 1, column: 1 });
  });

  it("reads several documents and leaves empty ones out", () => {
    const { documents } = read("---\na: 1\n---\n---\na: 2\n");
    expect(documents.map((document) => document.value)).toEqual([{ a: 1 }, { a: 2 }]);
    expect(documents[1]?.locate(["a"]).line).toBe(5);
  });

  it("refuses a key that is written twice, with its place", () => {
    const { documents, problems } = read("a: 1\nb: 2\na: 3\n");
    expect(documents).toEqual([]);
    expect(problems.map(formatProblem)).toEqual(["t.yaml:3:1: map keys must be unique"]);
  });

  it("reports a syntax error with its place and goes on to nothing", () => {
    const { documents, problems } = read("a: [1, 2\nb: 3\n");
    expect(documents).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]?.line).toBeGreaterThan(0);
  });

  it("stops a bomb of aliases", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 10; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    const { documents, problems } = read(lines.join("\n"));
    expect(documents).toEqual([]);
    expect(problems).toHaveLength(1);
  });
});

describe("environment in YAML", () => {
  it("keeps the type of a reference that stands alone, and text where it is quoted or embedded", () => {
    const { documents } = read('n: ${env:N}\nq: "${env:N}"\ne: port-${env:N}\nb: ${env:B}\n', { N: "42", B: "true" });
    expect(documents[0]?.value).toEqual({ n: 42, q: "42", e: "port-42", b: true });
  });

  it("never lets the content of a variable add structure", () => {
    const { documents } = read("a: ${env:EVIL}\n", { EVIL: "1\nauth: {}\n" });
    expect(documents[0]?.value).toEqual({ a: "1\nauth: {}\n" });
  });

  it("uses a default, and an empty one", () => {
    expect(read("a: ${env:NONE:-x}\nb: ${env:NONE:-}\n").documents[0]?.value).toEqual({ a: "x", b: "" });
  });

  it("leaves an escaped reference and dollar amounts alone", () => {
    expect(read("a: $${env:HOME}\nb: $25.00\n").documents[0]?.value).toEqual({ a: "${env:HOME}", b: "$25.00" });
  });

  it("names a variable that is not set, with its place", () => {
    const { documents, problems } = read("a:\n  b: ${env:GONE}\n");
    expect(documents).toEqual([]);
    expect(problems.map(formatProblem)).toEqual([
      "t.yaml:2:6: environment variable `GONE` is not set (a default is written `${env:GONE:-value}`)",
    ]);
  });
});
