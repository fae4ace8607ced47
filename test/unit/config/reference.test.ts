import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { configReference } from "../../support/config-reference.ts";

const root = join(import.meta.dirname, "../../..");

it.each(Object.entries(configReference()))(
  "%s is what the schemas say (node scripts/generate-config-reference.ts)",
  (file, text) => {
    expect(readFileSync(join(root, file), "utf8")).toBe(text);
  },
);

it("says what every setting means", () => {
  const page = configReference()["docs/configuration.md"] ?? "";
  const silent = page.split("\n").filter((line) => line.startsWith("| `") && line.endsWith("|  |"));
  expect(silent).toEqual([]);
});
