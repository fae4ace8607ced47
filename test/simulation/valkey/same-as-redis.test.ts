/**
 * Goal: what is proved of the simulated store is true of the real one.
 * Method: the same scripts with the same arguments, in random order, against redis-server and against the simulated store,
 * whose clock is set to what the real one said; every answer must be the same.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ScriptName } from "../../../src/budget/valkey/scripts.ts";
import { StoreLink } from "../../../src/budget/valkey/store-link.ts";
import { Random } from "../../support/random.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { VirtualTime } from "../virtual-time.ts";
import type { LuaValue } from "./lua.ts";
import { SimulatedStore } from "./simulated-store.ts";

const STEPS = 600;
const seed = Number(process.env["TOLLGATE_SEED"] ?? 20_261_121);
const missing = RedisServer.missing();
if (missing !== undefined) console.warn(missing);

let server: RedisServer;
beforeAll(async () => {
  if (missing === undefined) server = await RedisServer.start();
});
afterAll(() => server?.remove());

/** Where in the answer of a script its time stands. */
const TIME_AT: Partial<Record<ScriptName, number>> = { enter: 1, append: 1, release: 0, ping: 0, read: 0 };

describe.skipIf(missing !== undefined)(`seed ${seed}`, () => {
  it(`the simulated store answers ${STEPS} scripts as the real one does`, async () => {
    const random = new Random(seed);
    const name = "same";
    const real = new StoreLink({ url: server.url, name, onMessage: () => {} });
    await real.open();
    const time = new VirtualTime(0);
    const simulated = new SimulatedStore({
      time,
      random,
      syncMsMax: 0,
      logKey: real.key("log"),
      onWord: () => {},
      onDown: () => {},
      fail: (error) => {
        throw error;
      },
    });
    try {
      const known = { epoch: "", rev: 0, last: "" };
      for (let step = 0; step < STEPS; step += 1) {
        const { script, args, keys } = stepOf(random, { step, known, key: (what) => real.key(what) });
        const wanted = await real.run(script, args, keys);
        const at = TIME_AT[script];
        if (at !== undefined) simulated.machine.jump(Number(wanted[at]) - simulated.machine.wallMs());
        const all = ["head", "log", "turns", "said"].map((what) => real.key(what));
        const found = await new Promise<LuaValue>((resolve) => {
          simulated.take({ kind: "script", name: script, keys: [...all, ...keys], args }, resolve);
          for (let act = time.next(0); act !== undefined; act = time.next(0)) act();
        });
        expect({ step, script, found }).toEqual({ step, script, found: wanted });
        if (script === "enter") [known.epoch, known.rev] = [String(wanted[3]), Number(wanted[4])];
        if (script === "append" && wanted[0] === 1) [known.rev, known.last] = [known.rev + 1, args[3] ?? ""];
      }
    } finally {
      real.close();
    }
  });

  it("time in which nobody spoke to the store is told by each script that tells the time, reading included", async () => {
    const link = new StoreLink({ url: server.url, name: "gap", onMessage: () => {} });
    await link.open();
    try {
      await link.run("enter", ["r1", "0", "2", "500", "epoch"], []);
      const silent = 60_000;
      await server.command(["HINCRBY", link.key("head"), "seen", String(-silent)]);
      const read = await link.run("read", ["0", "500"], []);
      // Reading writes nothing: the next one to speak finds the same gap, and from then on it is kept.
      const [, pinged] = await link.run("ping", [], []);
      const [, kept] = await link.run("ping", [], []);
      for (const gap of [read[1], pinged, kept]) expect(Number(gap)).toBeGreaterThanOrEqual(silent);
      expect(kept).toBe(pinged);
    } finally {
      link.close();
    }
  });
});

const MIX: readonly ScriptName[] = [
  "enter",
  "enter",
  "append",
  "append",
  "append",
  "release",
  "ping",
  "read",
  "record",
];

interface Known {
  readonly epoch: string;
  readonly rev: number;
  readonly last: string;
}

function stepOf(
  random: Random,
  { step, known, key }: { readonly step: number; readonly known: Known; readonly key: (what: string) => string },
): { readonly script: ScriptName; readonly args: readonly string[]; readonly keys: readonly string[] } {
  const me = random.pick(["r1", "r2", "r3"]);
  const rev = String(Math.max(0, known.rev - random.below(3)));
  // Nobody appends who has not entered.
  const script = step === 0 ? "enter" : random.pick(MIX);
  switch (script) {
    case "enter":
      return { script, args: [me, rev, "2", "500", `epoch${step}`], keys: [] };
    case "append": {
      const isRight = random.chance(0.8);
      const [after, before] = isRight ? [String(known.rev), known.last] : [rev, random.pick([known.last, "other"])];
      const waits = random.pick(["", "[]"]);
      // No events: what is in an entry is text to the store.
      return { script, args: [me, known.epoch, after, `${me}.${step}`, before, "", "0", "2", waits], keys: [] };
    }
    case "read":
      return { script, args: [rev, "500"], keys: [] };
    case "record":
      return { script, args: [`text ${step}`, String(random.below(3))], keys: [key("record")] };
    default:
      return { script, args: script === "release" ? [me] : [], keys: [] };
  }
}
