import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as semconv from "../../../instrumentation/src/semconv.ts";
import { readAttributes, renderAttributes } from "../../../scripts/generate-attributes.ts";

const root = new URL("../../../", import.meta.url);
const source = readFileSync(new URL("instrumentation/src/semconv.ts", root), "utf8");

/** Every exported name, as [constant, attribute]. */
const constants = Object.entries(semconv).flatMap(([key, value]) =>
  key.startsWith("ATTR_") && typeof value === "string" ? [[key, value] as const] : [],
);

describe("attribute names", () => {
  it("are on a page that is fresh: else run `node scripts/generate-attributes.ts`", () => {
    expect(readFileSync(new URL("docs/attributes.md", root), "utf8")).toBe(renderAttributes(source));
  });

  it("each have a type and a meaning, and none is missing from the page", () => {
    const listed = new Set(readAttributes(source).map((row) => row.name));
    expect(listed).toEqual(new Set(constants.map(([, value]) => value)));
  });

  it("are each said once, and each constant is called what its attribute is called", () => {
    expect(new Set(constants.map(([, value]) => value)).size).toBe(constants.length);
    for (const [key, value] of constants) {
      const name = value.replace(/\.$/, "").replaceAll(/[.]/g, "_").toUpperCase();
      expect(key.replace(/_PREFIX$/, "")).toBe(`ATTR_${name}`);
    }
  });

  it("are what every old name leads to", () => {
    const current = new Set(Object.values(semconv).filter((value) => typeof value === "string"));
    for (const name of Object.values(semconv.LEGACY_ATTRIBUTES)) expect(current).toContain(name);
    for (const name of Object.keys(semconv.LEGACY_ATTRIBUTES)) expect(current).not.toContain(name);
  });
});
