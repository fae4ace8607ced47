/**
 * Goal: every component keeps the promises of the contract (src/component), whoever wrote it.
 * Method: one suite, run for each factory of the list in components.ts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flowImbalance } from "../../src/component/flow.ts";
import { type Outcome, SUCCESS } from "../../src/component/outcome.ts";
import { makeBatch, makeSpan } from "../fixtures/otlp/make-span.ts";
import { COMPONENTS } from "./components.ts";

const RETRYABLE: Outcome = { kind: "retryable", reason: "not now" };
const batch = () => makeBatch([makeSpan(1), makeSpan(2), makeSpan(3)]);

describe.each(COMPONENTS)("$name", ({ parse, make }) => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tollgate-conformance-"));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it("has a default for every key", () => {
    expect(parse({})).toBeTypeOf("object");
  });

  it("refuses a key it does not know", () => {
    expect(() => parse({ endpiont: "127.0.0.1:1" })).toThrow("endpiont");
  });

  it("stops without having been started, and does so twice", async () => {
    const { component } = make({ next: { consume: async () => SUCCESS }, directory });
    await component.stop();
    await expect(component.stop()).resolves.toBeUndefined();
  });

  it("starts, stops, and stops again", async () => {
    const { component } = make({ next: { consume: async () => SUCCESS }, directory });
    await component.start();
    await component.stop();
    await expect(component.stop()).resolves.toBeUndefined();
  });

  it.each([
    ["taken", SUCCESS],
    ["refused", RETRYABLE],
  ])("accounts for every span that the next one has %s", async (_how, outcome) => {
    const { component, feed } = make({ next: { consume: async () => outcome }, directory });
    await component.start();
    await feed(batch());
    expect(component.stats().received).toBe(3);
    expect(flowImbalance(component.stats())).toBe(0);
    await component.stop();
    expect(flowImbalance(component.stats())).toBe(0);
    expect(component.stats().inFlight).toBe(0);
  });

  it("counts the spans it holds as in flight", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const { component, feed } = make({ next: { consume: () => gate.promise }, directory });
    await component.start();
    const fed = feed(batch());
    expect(flowImbalance(component.stats())).toBe(0);
    gate.resolve(SUCCESS);
    await fed;
    expect(flowImbalance(component.stats())).toBe(0);
    await component.stop();
  });
});
