import { expect, it } from "vitest";
import { readShelf, ThreadShelf } from "../../../../instrumentation/src/telemetry/thread-shelf.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

function leftOn(shelf: ThreadShelf, start?: number) {
  const { records, ...left } = readShelf(shelf.memory, start);
  return { ...left, texts: records.map(String) };
}

it("holds what was put and not released, in order, round after round, and says what found no room", () => {
  const seed = Number(process.env["TOLLGATE_SEED"] ?? 7);
  const random = seededRandom(seed);
  const below = (end: number): number => Math.floor(random() * end);
  const shelf = new ThreadShelf(1_024);
  // What waits, by the rules: `undefined` found no room.
  let waiting: { readonly number: number; readonly text: string; isFree: boolean }[] = [];
  let missed = 0;
  for (let step = 0; step < 3_000; step += 1) {
    if (below(3) > 0) {
      const text = `${step}:${"é".repeat(below(120))}`;
      waiting.push({ number: shelf.put("", Buffer.from(text)), text, isFree: false });
    } else {
      // Mostly the oldest; at times what stands behind others that are still on their way.
      const start = below(3) === 0 ? below(waiting.length + 1) : 0;
      const safe = waiting.slice(start, start + below(6));
      for (const record of safe) record.isFree = true;
      shelf.release(safe.map(({ number }) => number));
      const first = waiting.findIndex(({ isFree }) => !isFree);
      waiting = first < 0 ? [] : waiting.slice(first);
    }
    const left = leftOn(shelf);
    missed = Math.max(missed, left.missed);
    const on = new Set(left.texts);
    const texts = waiting.map(({ text }) => text).filter((text) => on.has(text));
    expect({ seed, step, texts: left.texts }).toEqual({ seed, step, texts });
    // What found no room and is safe is none that is missed.
    const safe = waiting.filter(({ isFree, text }) => isFree && !on.has(text)).length;
    const spans = left.texts.length + left.missed + safe;
    expect({ seed, step, spans }).toEqual({ seed, step, spans: waiting.length });
  }
  expect(missed).toBeGreaterThan(0);
  shelf.releaseAll();
  expect(leftOn(shelf)).toMatchObject({ texts: [], missed: 0 });
});

it("tells from where it was read last what is new", () => {
  const shelf = new ThreadShelf(1_024);
  shelf.put("o", Buffer.from("ne"));
  const { end } = readShelf(shelf.memory);
  shelf.put("", Buffer.from("two"));
  expect(leftOn(shelf, end).texts).toEqual(["two"]);
  shelf.release([0]);
  expect(leftOn(shelf).texts).toEqual(["two"]);
});

it("has room for one record as large as it is, and none for a larger one", () => {
  const shelf = new ThreadShelf(64);
  shelf.put("x", Buffer.alloc(60, "x"));
  shelf.put("", Buffer.alloc(60, "x"));
  expect(leftOn(shelf)).toMatchObject({ texts: ["x".repeat(60)], missed: 1 });
});
