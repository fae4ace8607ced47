/**
 * What people have stopped, in one small file of the data directory. Promise: an act that `add` called durable is there
 * after kill -9 and a restart, and so is its lifting. A file that is damaged is never taken for an empty one: starting
 * would let the killed go on. One processor owns the file (the ledger's lock on the data directory sees to that).
 */
import { createHash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { StopAct, StopList } from "@tollgate/instrumentation/protocol";
import type { Clock } from "../support/clock.ts";

/** More acts in force than this is no list that a person can oversee, and each process holds all of them. */
export const ACTS_MAX = 1_000;
const FORMAT = 1;

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
  | { readonly outcome: "added"; readonly act: StopAct; readonly isDurable: boolean; readonly problem: string }
  | { readonly outcome: "too_many" };

/** Which acts to lift: one, or all with a selector. */
export type StopReference = { readonly id: string } | { readonly selector: string };

export class StopStore {
  readonly #file: string;
  readonly #clock: Clock;
  #list: StopList = { epoch: randomBytes(8).toString("hex"), revision: 0, acts: [] };
  /** Sources that have had their act, lifted since or not: what a person lifted is not put in force anew. */
  #handled: ReadonlySet<string> = new Set();

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
    const stored = parse(text);
    if (stored === undefined) {
      throw new StopStoreError(
        `${this.#file} is damaged: it says who is killed and paused, and starting without it would let them go on. ` +
          "Restore it, or remove it to start with nothing stopped",
      );
    }
    const { handled = [], ...list } = stored;
    this.#list = list;
    this.#handled = new Set(handled);
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
    const act: StopAct = {
      id: `stop_${randomBytes(8).toString("hex")}`,
      ...stop,
      at: new Date(this.#clock.now()).toISOString(),
    };
    this.#list = this.#next([...this.#list.acts, act]);
    if (stop.source !== undefined) this.#handled = new Set([...this.#handled, stop.source]);
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
      writeSync(file, serialise({ ...list, handled: [...this.#handled] }));
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

interface Stored extends StopList {
  readonly handled?: readonly string[];
}

function serialise(stored: Stored): string {
  const text = JSON.stringify(stored);
  return `${JSON.stringify({ format: FORMAT, digest: digestOf(text) })}\n${text}\n`;
}

function parse(text: string): Stored | undefined {
  const [head = "", body = "", end] = text.split("\n");
  if (end !== "") return undefined;
  try {
    const { format, digest } = JSON.parse(head) as { readonly format?: unknown; readonly digest?: unknown };
    // The digest says that this is what `serialise` wrote; its shape needs no second look.
    return format === FORMAT && digest === digestOf(body) ? (JSON.parse(body) as Stored) : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
