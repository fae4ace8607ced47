/**
 * Valkey under simulation, with `appendfsync always`: the real scripts, one command after the other, each atomic; answers and
 * words leave once everything before them is on disk. A crash forgets what was not: from some command on, all of it.
 * Entries of the log that are on disk are applied to a state of its own: the truth that everything is compared with.
 */
import type { ScriptName } from "../../../src/budget/valkey/scripts.ts";
import { SCRIPTS } from "../../../src/budget/valkey/scripts.ts";
import { applyEvent } from "../../../src/budget/rules/apply.ts";
import { decodeEvent } from "../../../src/budget/rules/events.ts";
import { LedgerState } from "../../../src/budget/rules/state.ts";
import type { Random } from "../../support/random.ts";
import { Machine } from "../machine.ts";
import type { VirtualTime } from "../virtual-time.ts";
import { compileLua, type LuaScript, type LuaValue } from "./lua.ts";
import { StoredValues } from "./stored-values.ts";

const COMPILED: ReadonlyMap<string, LuaScript> = new Map(
  Object.entries(SCRIPTS).map(([name, source]) => [name, compileLua(source)]),
);

export type StoreWork =
  | {
      readonly kind: "script";
      readonly name: ScriptName;
      readonly keys: readonly string[];
      readonly args: readonly string[];
    }
  | { readonly kind: "command"; readonly args: readonly string[] }
  | { readonly kind: "word"; readonly text: string };

export interface SimulatedStoreOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  /** A sync takes up to this long, and now and then ten times that. */
  readonly syncMsMax: number;
  readonly logKey: string;
  readonly onWord: (text: string) => void;
  /** Connections break. */
  readonly onDown: () => void;
  readonly fail: (error: unknown) => void;
}

/** What was carried out and is not on disk yet. */
interface Unsynced {
  readonly before: StoredValues;
  readonly leave: () => void;
}

export class SimulatedStore {
  readonly machine: Machine;
  /** By the entries that are on disk, and which is the last of them. */
  readonly truth = new LedgerState();
  rev = 0;
  isUp = true;
  crashes = 0;
  readonly #options: SimulatedStoreOptions;
  #values = new StoredValues();
  #unsynced: Unsynced[] = [];
  #life = 0;

  constructor(options: SimulatedStoreOptions) {
    this.#options = options;
    this.machine = new Machine(options.time);
  }

  /** Carries a command out, now. `answer` is called when it may leave; never, if the store dies before. */
  take(work: StoreWork, answer: (reply: LuaValue) => void): void {
    const { onWord } = this.#options;
    const before = this.#values;
    const words: string[] = [];
    this.#values = new StoredValues(before);
    let reply: LuaValue;
    try {
      reply = this.#run(work, words);
    } catch (error) {
      this.#options.fail(error);
      return;
    }
    const leave = (): void => {
      for (const word of words) onWord(word);
      answer(reply);
    };
    this.#unsynced.push({ before, leave });
    if (this.#unsynced.length === 1) this.#sync();
  }

  /** By SIGKILL. Comes back by itself. */
  crash(restartMs: number): void {
    if (!this.isUp) return;
    const { random, time, onDown } = this.#options;
    this.isUp = false;
    this.crashes += 1;
    this.#life += 1;
    const lost = this.#unsynced[random.below(this.#unsynced.length + 1)];
    if (lost !== undefined) this.#values = lost.before;
    this.#unsynced = [];
    onDown();
    time.after(restartMs, () => {
      this.isUp = true;
      this.#applyNews();
    });
  }

  #sync(): void {
    const { random, time, syncMsMax } = this.#options;
    const life = this.#life;
    const ms = random.below((random.chance(0.05) ? syncMsMax * 10 : syncMsMax) + 1);
    time.after(ms, () => {
      if (life !== this.#life) return;
      this.#applyNews();
      for (const { leave } of this.#unsynced.splice(0)) leave();
    });
  }

  /** What is on disk has happened, whoever heard of it. */
  #applyNews(): void {
    try {
      for (const entry of this.#values.entries(this.#options.logKey)) {
        const [id, fields] = entry as readonly [string, readonly string[]];
        const rev = Number.parseInt(id, 10);
        if (rev <= this.rev) continue;
        if (rev !== this.rev + 1) throw new Error(`entry ${rev} follows ${this.rev} in the log`);
        this.rev = rev;
        const events = fields[fields.indexOf("events") + 1] ?? "";
        for (const line of events.split("\n")) if (line !== "") applyEvent(this.truth, decodeEvent(line));
      }
    } catch (error) {
      this.#options.fail(error);
    }
  }

  #run(work: StoreWork, words: string[]): LuaValue {
    const values = this.#values;
    const nowMs = this.machine.wallMs();
    switch (work.kind) {
      case "word":
        words.push(work.text);
        return 1;
      case "command": {
        const [name = "", ...args] = work.args;
        if (name === "CONFIG") return [args[1], WEAK_NOWHERE.get(args[1] ?? "")];
        return values.run(name, args, nowMs);
      }
      case "script": {
        const script = COMPILED.get(work.name);
        if (script === undefined) throw new Error(`no script \`${work.name}\``);
        return script({ KEYS: work.keys, ARGV: work.args }, (name, [command = "", ...args]) => {
          if (name !== "redis.call") throw new Error(`scripts here cannot call ${name}`);
          if (command === "TIME")
            return [String(Math.floor(nowMs / 1_000)), String(Math.floor((nowMs % 1_000) * 1_000))];
          if (command !== "SPUBLISH") return values.run(String(command), args, nowMs);
          words.push(String(args[1]));
          return 1;
        });
      }
    }
  }
}

const WEAK_NOWHERE: ReadonlyMap<string, string> = new Map([
  ["appendonly", "yes"],
  ["appendfsync", "always"],
  ["maxmemory-policy", "noeviction"],
]);
