/**
 * The short way of schemas is held against the schemas: whatever it accepts, they accept and make the same of; what is valid in
 * the way that agents send it needs no second look. Method: valid bodies of the routes that agents ask, with seeded damage.
 */
import { expect, test } from "vitest";
import { z } from "zod";
import { acquireRequest, closeRequest } from "../../../src/api/lease-schemas.ts";
import { acceptPlain, UNDECIDED } from "../../../src/api/plain-schema.ts";
import { commitRequest, createRequest, releaseRequest, reservationPath } from "../../../src/api/reservation-schemas.ts";
import { Random } from "../../support/random.ts";

const ID = "0f3c9a51d2b7e46801aa93be77d40c52";
const AMOUNTS = { nano_usd: "9223372036854775807", tokens: "1500", calls: "1" };
const KINDS = { input_tokens: "1", output_tokens: "2", cached_tokens: "0", reasoning_tokens: "0", tool_calls: "0" };

const VALID: readonly (readonly [string, z.ZodType, unknown])[] = [
  ["a reservation by tokens", createRequest, { agent: "a", model: "m", tokens: { input: 1_000, output: 500 } }],
  [
    "a reservation with all there is",
    createRequest,
    {
      agent: "agent-1",
      labels: { team: "checkout", user: "", session: "ß" },
      model: "gpt-4o",
      provider: "openai",
      tokens: { input: 10, output: 9, min_output: 3, cache_writes: false },
      ttl_ms: 30_000,
      wait_ms: 0,
    },
  ],
  ["a reservation by money", createRequest, { agent: "a", estimate_usd: "0.25", labels: {} }],
  ["a reservation by a number", createRequest, { agent: "a", estimate_usd: 0.25 }],
  ["a commit of usage", commitRequest, { usage: { model: "m", input_tokens: 900, output_tokens: 120 } }],
  ["a commit of money", commitRequest, { actual_usd: "0.1", tokens: 5 }],
  ["a release", releaseRequest, {}],
  ["a path", reservationPath, { id: ID }],
  [
    "a message of a lease",
    acquireRequest,
    {
      process_id: ID,
      lease_id: ID,
      seq: 1,
      labels: { agent: "a" },
      settled: { ...AMOUNTS, ...KINDS },
      need: AMOUNTS,
      target: AMOUNTS,
      ahead: AMOUNTS,
      wait_ms: 2_000,
      of_tomorrow: true,
    },
  ],
  ["an end of leases", closeRequest, { process_id: ID, leases: [{ lease_id: ID, settled: AMOUNTS }] }],
];

const TEXTS = ["", "5abc", "-1", "1e3", "x".repeat(600), "\u0000", "𝒳".repeat(150), "9223372036854775808"];
const NUMBERS = [0, -0, -1, 0.5, 1e9, 1e9 + 1, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 1n];
const INHERITING: unknown = Object.create({ agent: "inherited" });
const OBJECTS = [[], {}, [1], { a: 1 }, { toString: "x" }, INHERITING, new Map(), new Date(0)];
const HOSTILE: readonly unknown[] = [null, true, TEXTS, NUMBERS, OBJECTS].flat();
const NAMES = ["agent", "labels", "tokens", "extra", "constructor", "toString", "", "x".repeat(200), "a\u0007b"];

/** One place of the value, somewhere in its depth, becomes another, comes or goes. */
function damaged(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.15)) return random.pick(HOSTILE);
  if (Array.isArray(value))
    return value.length === 0 ? [random.pick(HOSTILE)] : value.map((one) => damaged(one, random));
  const copy: Record<string, unknown> = { ...value };
  const key = random.chance(0.3) ? random.pick(NAMES) : random.pick([...Object.keys(copy), "extra"]);
  if (random.chance(0.15)) delete copy[key];
  else copy[key] = damaged(copy[key], random);
  return copy;
}

test.each(VALID)("%s is plainly valid, and as the schema has it", (_name, schema, body) => {
  expect(acceptPlain(schema, body)).toStrictEqual(schema.parse(body));
});

test("whatever damage is done to a body, nothing is accepted that the schema refuses or reads otherwise", () => {
  for (let seed = 1; seed <= 4_000; seed += 1) {
    const random = new Random(seed);
    for (const [name, schema, body] of VALID) {
      const given = damaged(random.chance(0.5) ? damaged(body, random) : body, random);
      const found = acceptPlain(schema, given);
      if (found === UNDECIDED) continue;
      const result = schema.safeParse(given);
      expect(result.success, `seed ${seed}, ${name}`).toBe(true);
      expect(found, `seed ${seed}, ${name}`).toStrictEqual(result.data);
    }
  }
});

test("an object that is made where none was given is made anew each time", () => {
  const schema = z.object({ labels: z.record(z.string(), z.string()).default({}) });
  const [one, other] = [acceptPlain(schema, {}), acceptPlain(schema, {})] as { labels: object }[];
  expect(one?.labels).not.toBe(other?.labels);
});
