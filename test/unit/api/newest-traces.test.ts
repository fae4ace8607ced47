/**
 * Goal: the list of newest traces is, whatever the looks at shorter times find, the list that one look at the whole time gives.
 * Method: random fleets, whose traces begin long before some of their spans, are asked both ways. The seed is printed.
 */
import { describe, expect, it } from "vitest";
import { newestTraces } from "../../../src/api/newest-traces.ts";
import type { TimeRange } from "../../../src/api/time-range.ts";
import { Random } from "../../support/random.ts";

const NOW = Date.UTC(2026, 10, 22);
const MINUTE = 60_000;
const DAY = 86_400_000;
const ROUNDS = 400;

interface Trace {
  readonly id: string;
  /** In milliseconds and a fraction of them. */
  readonly starts: readonly number[];
  readonly isSought: readonly boolean[];
}

interface Row {
  readonly id: string;
  readonly start: string;
}

describe("the newest traces", () => {
  it("are those of the whole time, however few spans are looked at", async () => {
    const seed = Date.now() % 2 ** 31;
    const random = new Random(seed);
    let spared = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const traces = fleet(random);
      const limit = random.pick([1, 3, 20]);
      const since_ms = random.pick([0, NOW - 40 * DAY, NOW - 2 * DAY, NOW - DAY, NOW + MINUTE]);
      const range = { since_ms, until_ms: random.pick([Number.MAX_SAFE_INTEGER, NOW, NOW - 3 * MINUTE]) };
      const asked: TimeRange[] = [];
      const ask = async (of: TimeRange): Promise<readonly Row[]> => {
        asked.push(of);
        return plainly(traces, of).slice(0, limit);
      };
      const rows = await newestTraces({ range, nowMs: NOW, limit, ask });
      expect(rows, `seed ${seed}, round ${round}`).toEqual(plainly(traces, range).slice(0, limit));
      if (asked.at(-1)?.since_ms !== range.since_ms) spared += 1;
    }
    // Most fleets here are quiet or short of what is sought; the busy ones must be spared the whole time.
    expect(spared, `seed ${seed}`).toBeGreaterThan(ROUNDS / 20);
  });

  it("that fill the list are looked for in the last hour alone", async () => {
    const { asked, rows } = await list({ count: 100, everyMs: 1_000, limit: 50 });
    expect(rows).toHaveLength(50);
    expect(asked).toEqual([{ since_ms: NOW - 60 * MINUTE, until_ms: Number.MAX_SAFE_INTEGER }]);
  });

  it("that do not fill it are looked for in all that is kept", async () => {
    const { asked, rows } = await list({ count: 3, everyMs: 1_000, limit: 50 });
    expect(rows).toHaveLength(3);
    expect(asked.map(({ since_ms: since }) => since)).toEqual([NOW - 60 * MINUTE, NOW - DAY, 0]);
  });
});

interface Steady {
  readonly count: number;
  readonly everyMs: number;
  readonly limit: number;
}

async function list({ count, everyMs, limit }: Steady): Promise<{ asked: TimeRange[]; rows: readonly Row[] }> {
  const traces = Array.from({ length: count }, (_, index) => ({
    id: String(index).padStart(3, "0"),
    starts: [NOW - (index + 1) * everyMs],
    isSought: [true],
  }));
  const asked: TimeRange[] = [];
  const ask = async (range: TimeRange): Promise<readonly Row[]> => {
    asked.push(range);
    return plainly(traces, range).slice(0, limit);
  };
  const range = { since_ms: 0, until_ms: Number.MAX_SAFE_INTEGER };
  return { rows: await newestTraces({ range, nowMs: NOW, limit, ask }), asked };
}

/** Begun at most three days ago or a little ahead of now, with spans up to hours apart. */
function fleet(random: Random): readonly Trace[] {
  const spread = random.pick([MINUTE, 10 * MINUTE, 5 * 60 * MINUTE, 3 * DAY]);
  const length = random.pick([1_000, 10 * MINUTE, 10 * 60 * MINUTE]);
  const share = random.pick([1, 0.5, 0.05]);
  return Array.from({ length: random.between(0, 60) }, (_, index) => {
    const first = NOW + 2 * MINUTE - Math.floor(random.next() * spread) + random.below(1_000) / 1_000;
    const starts = [first, ...Array.from({ length: random.below(6) }, () => first + random.below(length))];
    return { id: String(index).padStart(3, "0"), starts, isSought: starts.map(() => random.chance(share)) };
  });
}

/** The list's definition: traces with a sought span in the time, newest first by their first span. */
function plainly(traces: readonly Trace[], { since_ms: since, until_ms: until }: TimeRange): readonly Row[] {
  return traces
    .filter(({ starts, isSought }) => starts.some((at, index) => isSought[index] && at >= since && at < until))
    .map(({ id, starts }) => ({ id, first: Math.min(...starts) }))
    .toSorted((a, b) => b.first - a.first || a.id.localeCompare(b.id))
    .map(({ id, first }) => ({ id, start: nanosecondText(first) }));
}

function nanosecondText(ms: number): string {
  const fraction = String(Math.round((ms % 1) * 1e6)).padStart(6, "0");
  return new Date(Math.floor(ms)).toISOString().replace("Z", `${fraction}Z`);
}
