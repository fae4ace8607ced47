/** The real `openai` package's embeddings against the provider simulator: its own books say what was billed. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { BudgetExceeded } from "../../../instrumentation/src/errors.ts";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";

const MODEL = "text-embedding-3-small";

let simulator: ProviderSimulator;
let url: string;
let gated: GatedProcess;
let ledger: MemoryLedger;

const paid = (): bigint => BigInt(simulator.count().nano_usd);

beforeEach(async () => {
  simulator = new ProviderSimulator();
  url = await simulator.start();
  ledger = new MemoryLedger(10n ** 9n);
  gated = startGatedProcess({ transport: ledger });
});

afterEach(async () => {
  await gated.stop();
  await simulator.stop();
});

it.each([["a text about toll gates"], [["one", "two"]], [[1, 2, 3]]])(
  "settles what was billed for %j",
  async (input) => {
    const request = { model: MODEL, input };
    const answer = await openaiClient(url).embeddings.create(request);
    expect(gated.spans()[0]?.name).toBe(`embeddings ${MODEL}`);
    expect(gated.spans()[0]?.attributes["tollgate.cost.status"]).toBe("exact");
    await gated.stop();
    expect(answer.data).toEqual((await openaiClient(url).embeddings.create(request)).data);
    expect(ledger.settled * 2n).toBe(paid());
    expect(ledger.outstanding).toBe(0n);
  },
);

it("holds a budget that ends in the middle of 64 callers", async () => {
  ledger.limit = 100_000n;
  const client = openaiClient(url);
  const call = async (caller: number): Promise<unknown> => {
    for (;;) {
      try {
        await client.embeddings.create({ model: MODEL, input: `caller ${caller} ${"word ".repeat(50)}` });
      } catch (error) {
        return error;
      }
    }
  };
  const ends = await Promise.all(Array.from({ length: 64 }, (_, caller) => call(caller)));
  expect(ends.every((end) => end instanceof BudgetExceeded)).toBe(true);
  await gated.stop();
  expect(ledger.settled).toBe(paid());
  expect(paid()).toBeLessThanOrEqual(ledger.limit);
  expect(ledger.outstanding).toBe(0n);
});

it("answers without a vector and without a call when a guard stops it", async () => {
  const client = guard(openaiClient(url), { budget: "$0.000001", onLimit: "stop" });
  const answer = await client.embeddings.create({ model: MODEL, input: "word ".repeat(100) });
  expect(answer).toMatchObject({ object: "list", data: [], usage: { prompt_tokens: 0, total_tokens: 0 } });
  expect(simulator.count().requests).toBe(0);
});
