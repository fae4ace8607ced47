/**
 * Goal: reserving by the model's tokenizer stays a true upper bound, by a count that is not ours.
 * Method: an agent of OpenAI's SDK spends a hard budget to its end whose document says `reserve: tokenizer`, against a provider that
 * counts what it reads with OpenAI's published tokenizer. No call may have cost more than was set aside for it, and for long
 * prompts less than their bytes was: until the budget is known and the tokenizer is loaded, it is bytes.
 */
import { expect, test } from "vitest";
import { finishFleet, readBooks, startFleet } from "../support/fleet-run.ts";
import { sqlRows, useRig } from "../support/rig.ts";

const LIMIT_NANO_USD = 20_000_000n;
/** Of this seed the first kind of agent makes chat completions of at most 150 tokens. */
const SEED = 8;
const AGENTS = 1;
const CALLERS = 16;
const OUTPUT_BOUND = 150;
/** Nano-dollars for a token of gpt-4o-mini. */
const INPUT_RATE = 150;
const OUTPUT_RATE = 600;

const PACKAGE: string = "gpt-tokenizer/encoding/o200k_base";
const { encode } = (await import(PACKAGE)) as { readonly encode: (text: string) => readonly number[] };

const rig = useRig({
  governance: `
kind: budget
name: fleet
scope: { run: "*" }
each: run
limit: $0.02
window: lifetime
mode: hard
reserve: tokenizer
`,
  simulator: { seed: SEED, latencyMs: { min: 1, max: 20 }, countText: (text) => encode(text).length },
});

test("with the tokenizer no call costs more than its reservation, and the budget is used to its end", async () => {
  const { processor, simulator, providerUrl } = rig();
  const labels = { run: "tokenizer" };
  const fleet = startFleet({ processor, providerUrl, seed: SEED, agents: AGENTS, callers: CALLERS, labels });
  const report = await finishFleet(fleet);
  const books = await readBooks({ processor, simulator, budget: "fleet", labels });

  expect(report.failed).toEqual([]);
  expect(books.provider).toBeLessThanOrEqual(LIMIT_NANO_USD);
  expect(Number(books.provider) / Number(LIMIT_NANO_USD)).toBeGreaterThanOrEqual(0.95);
  expect(books.ledger.settledNanoUsd).toBe(books.provider);
  expect(books.ledger.reservedNanoUsd).toBe(0n);
  const [row] = await sqlRows(rig(), RESERVED_AND_SPENT, 1);
  expect(Number(row?.["calls"])).toBeGreaterThan(100);
  expect(row?.["under"]).toBe("0");
  expect(Number(row?.["below_bytes"])).toBeGreaterThan(10);
});

const RESERVED_AND_SPENT = `
SELECT toString(count()) AS calls, toString(countIf(cost > reserved)) AS under,
       toString(countIf(input > 90 AND reserved - ${OUTPUT_BOUND * OUTPUT_RATE} < 4 * input * ${INPUT_RATE})) AS below_bytes
FROM (
  SELECT toInt64OrZero(attributes['gen_ai.usage.input_tokens']) AS input,
         toInt64OrZero(attributes['tollgate.reserved.nano_usd']) AS reserved,
         toInt64OrZero(attributes['tollgate.cost.nano_usd']) AS cost
  FROM spans
  WHERE attributes['tollgate.reserved.nano_usd'] != ''
)`;
