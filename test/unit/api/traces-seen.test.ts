/**
 * Goal: the list by the traces that were seen last is, however long a trace had run by then, the list by a look at all traces.
 * Method: random fleets are asked both ways, with times so close that many are equal. The seed is printed.
 */
import { describe, expect, it } from "vitest";
import type { TimeRange } from "../../../src/api/time-range.ts";
import { type SeenTrace, tracesSeen } from "../../../src/api/traces-seen.ts";
import { Random } from "../../support/random.ts";

const BEGIN = Date.UTC(2026, 10, 22);
const ROUNDS = 600;

interface Trace {
  readonly id: string;
  /** Nanoseconds after {@link BEGIN}, and whether the span meets the filters. */
  readonly spans: readonly { readonly at: number; readonly isSought: boolean }[];
}

interface Row {
  readonly id: string;
  readonly start: string;
}

describe("the traces that were seen last", () => {
  it("make the list that a look at all traces makes", async () => {
    const seed = Date.now() % 2 ** 31;
    const random = new Random(seed);
    let spared = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const traces = fleet(random);
      const limit = random.pick([1, 2, 5, 20]);
      const range = { since_ms: BEGIN + random.below(3), until_ms: BEGIN + 3 + random.below(30) };
      const { rows, looks } = await list(traces, { range, limit });
      expect(rows, `seed ${seed}, round ${round}`).toEqual(plainly(traces, range).slice(0, limit));
      if (looks.length === 0) spared += 1;
    }
    expect(spared, `seed ${seed}`).toBeGreaterThan(ROUNDS / 4);
    expect(spared, `seed ${seed}`).toBeLessThan(ROUNDS);
  });

  it("that began when they were seen are all that is looked up", async () => {
    const traces = Array.from({ length: 100 }, (_, index) => sought(index, [index * 1_000]));
    const { rows, named, looks } = await list(traces, { range: { since_ms: BEGIN, until_ms: BEGIN + 1 }, limit: 8 });
    expect(rows.map(({ id }) => id)).toEqual([99, 98, 97, 96, 95, 94, 93, 92].map(idOf));
    expect([named, looks]).toEqual([[10], []]);
  });

  it("long after they began leave a look from the oldest of them on", async () => {
    const old = Array.from({ length: 10 }, (_, index) => sought(index, [index, 9_000_000 + index]));
    const traces = old.map(({ id, spans }) => ({
      id,
      spans: spans.map((span, at) => ({ ...span, isSought: at > 0 })),
    }));
    const fresh = sought(50, [5_500_000]);
    const range = { since_ms: BEGIN - 1, until_ms: BEGIN + 10 };
    const { rows, looks } = await list([...traces, fresh], { range, limit: 2 });
    expect(rows.map(({ id }) => id)).toEqual([idOf(50), idOf(9)]);
    expect(looks).toEqual([{ ...range, since_ms: BEGIN }]);
  });
});

describe("a list that may be another one", () => {
  it("is asked for when its last trace began as the last one was seen: by their ids, one that was not looked up may come first", async () => {
    const traces = [
      sought(1, [5]),
      sought(2, [5]),
      { id: idOf(5), spans: [unsought(1), ...sought(5, [8]).spans] },
      { id: idOf(9), spans: [unsought(5), ...sought(9, [9]).spans] },
    ];
    const { rows } = await list(traces, { range: { since_ms: BEGIN, until_ms: BEGIN + 1 }, limit: 2 });
    expect(rows.map(({ id }) => id)).toEqual([idOf(1), idOf(2)]);
  });

  it("is asked for when not all that was seen is found by its id", async () => {
    const traces = Array.from({ length: 9 }, (_, index) => sought(index, [index * 1_000_000]));
    const range = { since_ms: BEGIN, until_ms: BEGIN + 9 };
    const { rows, looks } = await list(traces, { range, limit: 4, missing: [idOf(8), idOf(7)] });
    expect([rows.length, looks]).toEqual([4, [range]]);
  });
});

const unsought = (at: number): Trace["spans"][number] => ({ at, isSought: false });

const idOf = (number: number): string => String(number).padStart(3, "0");

function sought(number: number, at: readonly number[]): Trace {
  return { id: idOf(number), spans: at.map((each) => ({ at: each, isSought: true })) };
}

interface Asked {
  readonly rows: readonly Row[];
  /** How many traces were looked up by id, each time. */
  readonly named: readonly number[];
  readonly looks: readonly TimeRange[];
}

interface Wanted {
  readonly range: TimeRange;
  readonly limit: number;
  /** Not to be found by their ids. */
  readonly missing?: readonly string[];
}

async function list(traces: readonly Trace[], { range, limit, missing = [] }: Wanted): Promise<Asked> {
  const named: number[] = [];
  const looks: TimeRange[] = [];
  const rows = await tracesSeen<Row>({
    range,
    limit,
    seen: async (of, atMost) => seenIn(traces, of).slice(0, atMost),
    named: async (ids) => {
      named.push(ids.length);
      return newestFirst(traces.filter(({ id }) => ids.includes(id) && !missing.includes(id))).slice(0, limit);
    },
    all: async (of) => {
      looks.push(of);
      return plainly(traces, of).slice(0, limit);
    },
  });
  return { rows, named, looks };
}

/** Within some milliseconds, a few nanoseconds or a whole run apart. */
function fleet(random: Random): readonly Trace[] {
  const spread = random.pick([5, 1_000, 30_000_000]);
  const length = random.pick([1, 3, 500, 20_000_000]);
  const share = random.pick([1, 0.5, 0.1]);
  return Array.from({ length: random.between(0, 60) }, (_, index) => {
    const first = random.below(spread);
    const at = [first, ...Array.from({ length: random.below(5) }, () => first + random.below(length))];
    return { id: idOf(index), spans: at.map((each) => ({ at: each, isSought: random.chance(share) })) };
  });
}

function seenIn(traces: readonly Trace[], { since_ms: since, until_ms: until }: TimeRange): readonly SeenTrace[] {
  const [from, to] = [(since - BEGIN) * 1e6, (until - BEGIN) * 1e6];
  return traces
    .map(({ id, spans }) => ({ id, at: spans.filter((s) => s.isSought && s.at >= from && s.at < to).map((s) => s.at) }))
    .filter(({ at }) => at.length > 0)
    .map(({ id, at }) => ({ trace_id: id, seen: textOf(Math.min(...at)) }))
    .toSorted((a, b) => b.seen.localeCompare(a.seen) || a.trace_id.localeCompare(b.trace_id));
}

/** The list's definition: traces with a sought span in the time, newest first by their first span. */
function plainly(traces: readonly Trace[], range: TimeRange): readonly Row[] {
  const ids = new Set(seenIn(traces, range).map(({ trace_id: id }) => id));
  return newestFirst(traces.filter(({ id }) => ids.has(id)));
}

function newestFirst(traces: readonly Trace[]): readonly Row[] {
  return traces
    .map(({ id, spans }) => ({ id, start: textOf(Math.min(...spans.map(({ at }) => at))) }))
    .toSorted((a, b) => b.start.localeCompare(a.start) || a.id.localeCompare(b.id));
}

function textOf(nanoseconds: number): string {
  const text = new Date(BEGIN + Math.floor(nanoseconds / 1e6)).toISOString();
  return text.replace("Z", `${String(nanoseconds % 1_000_000).padStart(6, "0")}Z`);
}
