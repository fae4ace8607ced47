/**
 * What people have stopped, in one small file of the data directory. Promise: an act that `add` called durable is there
 * after kill -9 and a restart, and so is its lifting. A file that is damaged is never taken for an empty one: starting
 * would let the killed go on. One processor owns the file (the ledger's lock on the data directory sees to that).
 */
import { createHash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { StopAct, StopList } from "@tollgate/instrumentation/protocol";
import type { Clock } from "../support/clock.ts";

/** More acts in force than this is no list that a person can oversee, and each process holds all of them. */
export const ACTS_MAX = 1_000;
const FORMAT = 1;
/** Between the epoch that a fleet shares and what makes a list that one processor went on with alone another one. */
export const FORK = "+";

export class StopStoreError extends Error {
  override readonly name = "StopStoreError";
}

export interface NewStop {
  readonly act: StopAct["act"];
  /** As parsed: `Selector.text`. */
  readonly selector: string;
  readonly reason: string;
  readonly author: string;
  readonly source?: string;
  readonly wait_ms?: number;
  readonly asks?: "approval";
}

export type StopAdded =
  /** `isDurable` false: in force until a restart, because the disk refused it; `problem` says why. */
  | {
      readonly outcome: "added";
      readonly act: StopAct;
      readonly isDurable: boolean;
      readonly problem: string;
      /** Of a fleet of several processors: whether it holds at this one only, for now. */
      readonly isHereOnly?: boolean;
    }
  | { readonly outcome: "too_many" };

/** Which acts to lift: one, or all with a selector. */
export type StopReference = { readonly id: string } | { readonly selector: string };

/** Where acts are kept: in this processor's file, or shared by all of a fleet (shared-stops.ts). */
export interface StopKeeper {
  /** All acts in force, oldest first. */
  readonly list: StopList;
  isHandled(source: string): boolean;
  /** Keeps of the handled sources those that are still there. */
  keepHandled(isStill: (source: string) => boolean): void;
  /** Puts an act in force. What refuses to keep it does not save the one who is to be killed: see `StopAdded`. */
  add(stop: NewStop): StopAdded | Promise<StopAdded>;
  /** Lifts acts and gives them back; none when nothing matches. Throws `StopStoreError`, with all still in force, when that cannot be kept. */
  lift(reference: StopReference): readonly StopAct[] | Promise<readonly StopAct[]>;
}

/** All that is known of acts. */
export interface StopRecord {
  readonly list: StopList;
  /** Sources that have had their act, lifted since or not: what a person lifted is not put in force anew. */
  readonly handled: readonly string[];
  /** Ids of acts that the other processors of the fleet may not know. `undefined`: there never was another. */
  readonly pending?: readonly string[];
}

export class StopStore implements StopKeeper {
  readonly #file: string;
  readonly #clock: Clock;
  #list: StopList = { epoch: randomBytes(8).toString("hex"), revision: 0, acts: [] };
  /** Sources that have had their act, lifted since or not: what a person lifted is not put in force anew. */
  #handled: ReadonlySet<string> = new Set();
  #pending: readonly string[] | undefined;

  constructor(options: { readonly file: string; readonly clock: Clock }) {
    this.#file = options.file;
    this.#clock = options.clock;
  }

  /** All acts in force, oldest first. */
  get list(): StopList {
    return this.#list;
  }

  /** Reads the file. Throws `StopStoreError` when it is there and can't be trusted. */
  load(): void {
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw new StopStoreError(`cannot read what was killed and paused: ${String(error)}`, { cause: error });
    }
    const stored = parseStops(text);
    if (stored === undefined) {
      throw new StopStoreError(
        `${this.#file} is damaged: it says who is killed and paused, and starting without it would let them go on. ` +
          "Restore it, or remove it to start with nothing stopped",
      );
    }
    const { handled = [], pending, ...list } = stored;
    this.#list = list;
    this.#handled = new Set(handled);
    this.#pending = pending;
  }

  get record(): StopRecord {
    const pending = this.#pending;
    return { list: this.#list, handled: [...this.#handled], ...(pending === undefined ? {} : { pending }) };
  }

  /** Puts what the fleet knows in the place of what is here. A disk that refuses it costs nothing: the fleet has it. */
  replace({ list, handled, pending }: StopRecord): void {
    this.#list = list;
    this.#handled = new Set(handled);
    this.#pending = pending;
    try {
      this.#write(this.#list);
    } catch {
      // The next change writes it.
    }
  }

  isHandled(source: string): boolean {
    return this.#handled.has(source);
  }

  /** Keeps of the handled sources those that are still there. A disk that refuses it is asked again the next time. */
  keepHandled(isStill: (source: string) => boolean): void {
    const kept = new Set([...this.#handled].filter(isStill));
    if (kept.size === this.#handled.size) return;
    this.#handled = kept;
    try {
      this.#write(this.#list);
    } catch {
      // The next act writes it.
    }
  }

  /** Puts an act in force. A disk that refuses it does not save the one who is to be killed: see `isDurable`. */
  add(stop: NewStop): StopAdded {
    if (this.#list.acts.length >= ACTS_MAX) return { outcome: "too_many" };
    return this.put(this.newAct(stop));
  }

  newAct(stop: NewStop): StopAct {
    const id = `stop_${randomBytes(8).toString("hex")}`;
    return { id, ...stop, at: new Date(this.#clock.now()).toISOString() };
  }

  /** Puts an act that was made elsewhere in force. `isPending`: the fleet does not know it yet. */
  put(act: StopAct, { isPending = false } = {}): Extract<StopAdded, { outcome: "added" }> {
    const { source } = act;
    this.#list = this.#next([...this.#list.acts, act]);
    if (isPending) {
      // Other processors go on under the list's epoch: this is another list from here on.
      const [epoch = ""] = this.#list.epoch.split(FORK);
      this.#list = { ...this.#list, epoch: `${epoch}${FORK}${randomBytes(4).toString("hex")}` };
      if (this.#pending !== undefined) this.#pending = [...this.#pending, act.id];
    }
    if (source !== undefined) this.#handled = new Set([...this.#handled, source]);
    try {
      this.#write(this.#list);
      return { outcome: "added", act, isDurable: true, problem: "" };
    } catch (error) {
      return { outcome: "added", act, isDurable: false, problem: String(error) };
    }
  }

  /** Lifts acts and gives them back; none when nothing matches. Throws `StopStoreError`, with all still in force, when the disk refuses. */
  lift(reference: StopReference): readonly StopAct[] {
    const isMeant = (act: StopAct): boolean =>
      "id" in reference ? act.id === reference.id : act.selector === reference.selector;
    const lifted = this.#list.acts.filter(isMeant);
    if (lifted.length === 0) return lifted;
    const next = this.#next(this.#list.acts.filter((act) => !isMeant(act)));
    try {
      this.#write(next);
    } catch (error) {
      throw new StopStoreError(`nothing was resumed, because it cannot be stored: ${String(error)}`, { cause: error });
    }
    this.#list = next;
    return lifted;
  }

  #next(acts: readonly StopAct[]): StopList {
    return { ...this.#list, revision: this.#list.revision + 1, acts };
  }

  /** Old or new, whole: written beside it, made durable, and put in its place, which is made durable too. */
  #write(list: StopList): void {
    const directory = dirname(this.#file);
    mkdirSync(directory, { recursive: true });
    const temporary = `${this.#file}.tmp`;
    const file = openSync(temporary, "w", 0o600);
    try {
      const pending = this.#pending;
      const stored = { ...list, handled: [...this.#handled], ...(pending === undefined ? {} : { pending }) };
      // Not writeSync: a disk that has room for a part takes that part, and says nothing.
      writeFileSync(file, serialiseStops(stored));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.#file);
    const folder = openSync(directory, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}

/** As stored. */
export interface StoredStops extends StopList {
  readonly handled?: readonly string[];
  readonly pending?: readonly string[];
}

/** With a digest, so that what is damaged is not taken for less than it was. */
export function serialiseStops(stored: StoredStops): string {
  const text = JSON.stringify(stored);
  return `${JSON.stringify({ format: FORMAT, digest: digestOf(text) })}\n${text}\n`;
}

/** `undefined`: not what `serialiseStops` wrote. */
export function parseStops(text: string): StoredStops | undefined {
  const [head = "", body = "", end] = text.split("\n");
  if (end !== "") return undefined;
  try {
    const { format, digest } = JSON.parse(head) as { readonly format?: unknown; readonly digest?: unknown };
    // The digest says that this is what `serialise` wrote; its shape needs no second look.
    return format === FORMAT && digest === digestOf(body) ? (JSON.parse(body) as StoredStops) : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
