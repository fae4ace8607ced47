import { expect, it } from "vitest";
import { dottedPath } from "../../../src/config/dotted-path.ts";
import { formatPath } from "../../../src/config/path.ts";

it("follows dots through keys that hold dots themselves", () => {
  const value = { models: { "gpt-4": { input: 1 }, "gpt-4.1": { input: 1 } }, list: [{ at: 1 }] };
  expect(dottedPath(value, "models.gpt-4.1.input")).toEqual(["models", "gpt-4.1", "input"]);
  expect(dottedPath(value, "models.gpt-4.input")).toEqual(["models", "gpt-4", "input"]);
  expect(dottedPath(value, "list[0].at")).toEqual(["list", 0, "at"]);
  expect(dottedPath(value, "list.0.at")).toEqual(["list", 0, "at"]);
  expect(dottedPath(value, "models.none.input")).toEqual(["models", "none.input"]);
  expect(dottedPath(value, "")).toEqual([]);
});

it("prints a path so that it can be read", () => {
  expect(formatPath(["models", "gpt-4.1", "input", 0])).toBe('models["gpt-4.1"].input[0]');
});
