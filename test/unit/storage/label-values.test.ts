import { expect, test } from "vitest";
import { labelValues } from "../../../src/storage/queries/label-values.ts";

test("labels that are columns are read as columns, others by a parameter and never by their text", () => {
  expect(labelValues(["agent", "x'] OR 1", "model"])).toEqual({
    sql: "[toString(agent), labels[{label_1: String}], toString(model)]",
    sqlOfDays: "[toString(agent), labels[{label_1: String}], toString(model)]",
    parameters: { label_1: "x'] OR 1" },
  });
});
