/** Goal: what the processor itself writes on a span is never taken for tampering. Method: its sources are read for what they set. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { coverOf } from "@tollgate/instrumentation/audit";
import * as semconv from "@tollgate/instrumentation/semconv";
import { expect, it } from "vitest";

const PROCESSORS = join(import.meta.dirname, "../../../src/processors");

const written = new Set(
  readdirSync(PROCESSORS, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) =>
      Array.from(
        readFileSync(join(PROCESSORS, file), "utf8").matchAll(/attributes\.set\((ATTR_TOLLGATE_\w+)/g),
        ([, name]) => name,
      ),
    ),
);

it("finds what processors set", () => {
  expect(written).toContain("ATTR_TOLLGATE_TENANT_CLAIMED");
});

it.each([...written])("%s, which a processor sets, is not covered by a link", (name = "") => {
  const key = (semconv as unknown as Readonly<Record<string, string>>)[name] ?? "";
  expect(key).toMatch(/^tollgate\./);
  expect(coverOf(key)).toBe("none");
});
