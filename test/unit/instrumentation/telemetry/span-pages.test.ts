import { expect, it } from "vitest";
import { keep } from "../../../../instrumentation/src/telemetry/span-pages.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

it("keeps each text as it was, whatever came after it on its page and beyond", () => {
  const seed = Number(process.env["TOLLGATE_SEED"] ?? 11);
  const random = seededRandom(seed);
  const units = ["a", "é", "€", "😀", "\ud800"];
  const kept: { readonly text: string; readonly bytes: Uint8Array }[] = [];
  for (let index = 0; index < 1_500; index += 1) {
    const unit = units[Math.floor(random() * units.length)] ?? "";
    // Mostly the size of a span; at times nothing, or more than shares a page.
    const size = index % 100 === 0 ? 20_000 : Math.floor(random() * 1_500);
    const text = `${index}:${unit.repeat(size)}`;
    kept.push({ text, bytes: keep(Buffer.from(text)) });
  }
  const changed = kept.filter(({ text, bytes }) => !Buffer.from(text).equals(bytes));
  expect({ seed, changed: changed.map(({ text }) => text.slice(0, 20)) }).toEqual({ seed, changed: [] });
});
