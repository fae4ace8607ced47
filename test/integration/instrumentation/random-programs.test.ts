/**
 * Goal: whatever an app does with the libraries, alone or side by side, and whatever the provider does to it, it sees what it sees without
 * the gate; and the books are right after. Method: programs are drawn from seeds and run in two processes, bare and registered, each against a
 * provider of its own that answers the same. Not drawn: moments that depend on how fast a process is.
 *
 * `TOLLGATE_PROGRAMS` sets how many there are, `TOLLGATE_PROGRAM_SEED` the first one's seed.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Twins } from "../../support/programs/twins.ts";

const programs = Number(process.env["TOLLGATE_PROGRAMS"] ?? 24);
const first = Number(process.env["TOLLGATE_PROGRAM_SEED"] ?? 1);
const twins = new Twins();

beforeAll(() => twins.start());
afterAll(() => twins.close());

it(
  `shows ${programs} programs from seed ${first} on what the bare libraries show, and charges what was billed`,
  { timeout: 0 },
  async () => {
    const seeds = Array.from({ length: programs }, (_, index) => first + index);
    for (const seed of seeds) {
      const { bare, gated } = await twins.run(seed);
      expect({ seed, ...gated }).toEqual({ seed, ...bare });
    }
    expect(await twins.end()).toEqual([0, 0]);
    expect(twins.processor.ledger.outstanding).toBe(0n);
    const wrong = seeds.map((seed) => twins.booksOf(seed)).filter(({ isRight }) => !isRight);
    expect(wrong).toEqual([]);
  },
);
