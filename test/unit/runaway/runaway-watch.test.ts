import { describe, expect, it } from "vitest";
import { exhaustedAtMs } from "../../../src/runaway/burn-rate.ts";
import { type RunawayDocument, runawayDocumentSchema } from "../../../src/runaway/runaway-document.ts";
import { EPISODE_MS, type RunawayAlarm, RunawayWatch, type WatchedCall } from "../../../src/runaway/runaway-watch.ts";

const START = Date.UTC(2026, 10, 21);
const MINUTE_MS = 60_000;

function watching(rules: object): { see: (of: Partial<WatchedCall>) => readonly RunawayAlarm[]; watch: RunawayWatch } {
  const document: RunawayDocument = runawayDocumentSchema.parse({ kind: "runaway", name: "r", ...rules });
  const watch = new RunawayWatch({ documents: [document], subjectsMax: 100 });
  const whole: WatchedCall = {
    kind: "tool",
    labels: { agent: "shop", team: "checkout" },
    agent: "shop",
    run: "s-1",
    isSession: true,
    atMs: START,
    nanoUsd: 0n,
    tool: "read",
    digest: "",
    usage: undefined,
    depth: 0,
  };
  return { see: (of) => watch.see({ ...whole, ...of }), watch };
}

describe("loops", () => {
  it("are found at the call that makes the number, once, and name the session", () => {
    const { see } = watching({ loops: { repeats: 5, do: "kill" } });
    const found = Array.from({ length: 12 }, (_, index) => see({ digest: "a", atMs: START + index }).length);
    expect(found).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    const { see: again } = watching({ loops: { repeats: 3, do: "kill" } });
    const alarms = [1, 2, 3].flatMap((at) => again({ digest: "a", atMs: START + at }));
    expect(alarms).toMatchObject([{ rule: "loops", do: "kill", agent: "shop", session: "s-1" }]);
  });

  it("are counted from their first call, whatever came before", () => {
    const { see } = watching({ loops: { repeats: 5 } });
    const before = Array.from({ length: 40 }, (_, index) => see({ digest: `${index}`, atMs: START + index }));
    const found = Array.from({ length: 6 }, (_, index) => see({ digest: "a", atMs: START + 40 + index }).length);
    expect([before.flat(), found]).toEqual([[], [0, 0, 0, 0, 1, 0]]);
  });

  it("of several calls in turn are found too, and told from calls that differ", () => {
    const { see } = watching({ loops: { repeats: 4 } });
    const cycle = Array.from({ length: 12 }, (_, index) =>
      see({ digest: "abc"[index % 3] ?? "", atMs: START + index }),
    );
    expect(cycle.flat()).toMatchObject([{ finding: "the same 3 calls in turn (tool `read`) 4 times in a row" }]);
    expect(cycle.findIndex((alarms) => alarms.length > 0)).toBe(11);
    const { see: other } = watching({ loops: { repeats: 4 } });
    expect(
      Array.from({ length: 100 }, (_, index) => other({ digest: `${index}`, atMs: START + index })).flat(),
    ).toEqual([]);
  });

  it("are found in tools although each turn asks the model something longer", () => {
    const { see } = watching({ loops: { repeats: 5 } });
    const alarms = Array.from({ length: 5 }, (_, index) => [
      ...see({ kind: "model", digest: `m ${index}` }),
      ...see({ kind: "tool", digest: "same" }),
    ]);
    expect(alarms.flat()).toHaveLength(1);
  });

  it("of a model are told by the tokens of its calls: each kind of them, to the last one", () => {
    const usage = { inputTokens: 9, outputTokens: 8, cacheReadTokens: 7, reasoningTokens: 6 };
    const asked = (more: Partial<typeof usage>) => ({
      kind: "model" as const,
      digest: "gpt-4o",
      usage: { ...usage, ...more },
    });
    const { see } = watching({ loops: { repeats: 3 } });
    expect([{}, {}, {}].map((same) => see(asked(same)).length)).toEqual([0, 0, 1]);
    for (const kind of ["inputTokens", "outputTokens", "cacheReadTokens", "reasoningTokens"]) {
      const { see: other } = watching({ loops: { repeats: 3 } });
      const found = Array.from({ length: 30 }, (_, index) => other(asked({ [kind]: 100 + index })));
      expect(found.flat()).toEqual([]);
    }
  });

  it("that are slow, of another session or of a tool that polls are none", () => {
    const { see } = watching({ loops: { repeats: 3, within: "1m", except_tools: ["check_*"] } });
    const slow = [0, 1, 2, 3, 4].flatMap((at) => see({ digest: "a", atMs: START + at * MINUTE_MS }));
    const others = [0, 1, 2, 3, 4].flatMap((at) => see({ digest: "b", run: `run-${at}` }));
    const polls = [0, 1, 2, 3, 4].flatMap(() => see({ digest: "c", run: "p", tool: "check_job" }));
    expect([...slow, ...others, ...polls]).toEqual([]);
  });

  it("are found anew once they were gone for a while", () => {
    const { see } = watching({ loops: { repeats: 3 } });
    const times = (from: number) => [0, 1, 2].flatMap((at) => see({ digest: "a", atMs: from + at }));
    expect(times(START)).toHaveLength(1);
    expect(times(START + EPISODE_MS / 2)).toHaveLength(0);
    expect(times(START + 2 * EPISODE_MS)).toHaveLength(1);
  });
});

describe("spend", () => {
  const usd = (amount: number): bigint => BigInt(Math.round(amount * 1e9));

  it("above its ceiling is found at the call that crosses it", () => {
    const { see } = watching({ velocity: { per_minute: "$1.00", do: "pause" } });
    const at = Array.from({ length: 20 }, (_, index) => see({ kind: "model", nanoUsd: usd(0.1), atMs: START + index }));
    expect(at.findIndex((alarms) => alarms.length > 0)).toBe(10);
    expect(at.flat()).toMatchObject([{ rule: "velocity", do: "pause", session: "" }]);
  });

  it("far from the agent's own usual minute is found, and ordinary swings are not", () => {
    const { see } = watching({ velocity: { times_usual: 10, at_least: "$0.10" } });
    const minute = (index: number, amount: number) =>
      see({ kind: "model", nanoUsd: usd(amount), atMs: START + index * MINUTE_MS });
    const usual = Array.from({ length: 60 }, (_, index) => minute(index, 0.05 + (index % 5) * 0.06));
    expect(usual.flat()).toEqual([]);
    expect(minute(60, 0.4)).toEqual([]);
    expect(minute(61, 2)).toMatchObject([{ rule: "velocity" }]);
  });

  it("is held against how far the agent's minutes scatter, not against their middle alone", () => {
    const { see } = watching({ velocity: { times_usual: 2, at_least: "$0.10" } });
    const minute = (index: number, amount: number) =>
      see({ kind: "model", nanoUsd: usd(amount), atMs: START + index * MINUTE_MS });
    // In the middle 0.05, 0.04 away from it as a rule.
    for (let index = 0; index < 20; index += 1) expect(minute(index, index % 2 === 0 ? 0.01 : 0.09)).toEqual([]);
    expect(minute(20, 0.3)).toEqual([]);
    expect(minute(21, 1)).toMatchObject([{ rule: "velocity" }]);
  });

  it("of minutes that are over, and of an agent without a history, is not judged by it", () => {
    const { see } = watching({ velocity: { times_usual: 2, at_least: "$0.10" } });
    expect(see({ kind: "model", nanoUsd: usd(50) })).toEqual([]);
    expect(see({ kind: "model", nanoUsd: usd(50), atMs: START - MINUTE_MS })).toEqual([]);
  });
});

it("a storm of tool calls is found within the minute, whatever the tools are", () => {
  const { see } = watching({ tool_storm: { per_minute: 100 } });
  const calm = Array.from({ length: 300 }, (_, index) => see({ digest: `${index}`, atMs: START + index * 601 }));
  expect(calm.flat()).toEqual([]);
  const storm = Array.from({ length: 101 }, (_, index) =>
    see({ digest: `s${index}`, atMs: START + MINUTE_MS * 10 + index }),
  );
  expect(storm.flat()).toMatchObject([{ rule: "tool_storm", agent: "shop" }]);
});

it("a chain of agents that is too deep is found at its first call", () => {
  const { see } = watching({ depth: { max: 3 } });
  expect(see({ depth: 3 })).toEqual([]);
  expect(see({ depth: 4 })).toMatchObject([{ rule: "depth" }]);
  expect(see({ depth: 5 })).toEqual([]);
});

it("only those whom the scope means are watched, and those silent for longest are forgotten", () => {
  const { see, watch } = watching({ scope: { team: "check*" }, depth: { max: 1 } });
  expect(see({ depth: 9, labels: { team: "other" } })).toEqual([]);
  for (let index = 0; index < 1_000; index += 1) see({ agent: `a${index}` });
  expect(watch.subjects).toBeLessThanOrEqual(100);
});

/** The windows of the days between. */
function days(startMs: number, endMs: number): number[][] {
  const dayMs = 86_400_000;
  return Array.from({ length: (endMs - startMs) / dayMs }, (_, day) => [
    startMs + day * dayMs,
    startMs + (day + 1) * dayMs,
  ]);
}

describe("a burn rate", () => {
  const windowStartMs = Date.UTC(2026, 10, 1);
  const windowEndMs = Date.UTC(2026, 11, 1);
  const on = (day: number, settled: bigint) =>
    exhaustedAtMs({ limit: 100n, settled, windowStartMs, windowEndMs }, Date.UTC(2026, 10, day));

  it("says the day on which the month ends", () => {
    expect(on(6, 40n)).toBe(Date.UTC(2026, 10, 13, 12));
  });

  it("says nothing of offices that use nearly all of a day or a month, in which nights and weekends bring nothing", () => {
    const HOUR_MS = 3_600_000;
    const told: string[] = [];
    // Months that begin on each day of the week.
    for (let month = 0; month < 24; month += 1) {
      const startMs = Date.UTC(2026, month, 1);
      const endMs = Date.UTC(2026, month + 1, 1);
      const isWork = (ms: number): boolean => {
        const [day, hour] = [new Date(ms).getUTCDay(), new Date(ms).getUTCHours()];
        return day !== 0 && day !== 6 && hour >= 8 && hour < 18;
      };
      for (const [windowStartMs, windowEndMs] of [[startMs, endMs], ...(month === 0 ? days(startMs, endMs) : [])]) {
        if (windowStartMs === undefined || windowEndMs === undefined) continue;
        const hours = (windowEndMs - windowStartMs) / HOUR_MS;
        const work = Array.from({ length: hours }, (_, hour) => isWork(windowStartMs + hour * HOUR_MS));
        const all = work.filter(Boolean).length;
        let done = 0;
        for (const [hour, isAtWork] of work.entries()) {
          done += isAtWork ? 1 : 0;
          const settled = all === 0 ? 0n : BigInt(Math.floor((95 * done) / all));
          const nowMs = windowStartMs + (hour + 1) * HOUR_MS;
          const atMs = exhaustedAtMs({ limit: 100n, settled, windowStartMs, windowEndMs }, nowMs);
          if (atMs !== undefined) told.push(`${new Date(nowMs).toISOString()}: ${new Date(atMs).toISOString()}`);
        }
      }
    }
    expect(told).toEqual([]);
  });

  it("says nothing of a budget that lasts, has just begun, or is used up already", () => {
    expect([on(16, 50n), on(2, 40n), on(16, 5n), on(16, 100n)]).toEqual([undefined, undefined, undefined, undefined]);
  });
});

it("documents that ask for nothing sensible are refused with a reason", () => {
  const refused = (rules: object) =>
    runawayDocumentSchema
      .safeParse({ kind: "runaway", name: "r", ...rules })
      .error?.issues.map(({ path, message }) => [path.join("."), message]);
  expect(refused({})).toMatchObject([["", expect.stringContaining("needs one of")]]);
  expect(refused({ velocity: {} })).toMatchObject([["velocity", "needs `per_minute` or `times_usual`"]]);
  expect(refused({ velocity: { per_minute: "-1" } })?.[0]?.[0]).toBe("velocity.per_minute");
  expect(refused({ loops: { repeats: 2 } })?.[0]?.[0]).toBe("loops.repeats");
  expect(refused({ loops: { repeats: 5, within: "0m" } })?.[0]?.[0]).toBe("loops.within");
  expect(refused({ depth: { max: 3, do: "explode" } })?.[0]?.[0]).toBe("depth.do");
  expect(refused({ depth: { max: 3 }, scope: { "": "x" } })?.[0]?.[0]).toMatch(/^scope/);
});
