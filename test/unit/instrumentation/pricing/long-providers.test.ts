import { expect, it } from "vitest";
import { createPriceBook, type PriceBook } from "../../../../instrumentation/src/pricing/index.ts";

const NAMES = 200;
const at = new Date(Date.UTC(2026, 10, 22));

/** CPU time of asking for one model at so many providers, all of them new. */
function timeOf(book: PriceBook, nameLength: number): number {
  const providers = Array.from({ length: NAMES }, (_, index) => `${index}`.padEnd(nameLength, "acme "));
  const before = process.cpuUsage();
  for (const provider of providers) book.find({ provider, model: "gpt-4o-mini", at });
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

it("takes no longer to find out that a provider of 100 KB is unknown than one of 500 bytes", () => {
  const book = createPriceBook();
  timeOf(book, 400);
  expect(timeOf(book, 100_000)).toBeLessThan(timeOf(book, 500) * 2);
});

it("says of a provider whose name is too long what it says of any that it does not know", () => {
  const book = createPriceBook();
  for (const model of [
    "gpt-4o-mini",
    "openai/gpt-4o-mini",
    "claude-3-5-haiku-latest",
    "anthropic.claude-3-5-haiku-20241022-v1:0",
    "x",
  ]) {
    const [unknown, long] = ["acme", "acme".repeat(1_000)].map((provider) => book.find({ provider, model, at }));
    expect([model, long?.version, long?.provider]).toEqual([model, unknown?.version, unknown?.provider]);
  }
});
