/**
 * What people have stopped, over all processors of a fleet: one record in the store that they share, changed by compare and
 * write, and a copy in each processor's own file. Promise: an act that `add` put in force everywhere is there after restarts of
 * every processor, also when the store comes back empty. Without the store an act holds here, and everywhere as soon as it is back.
 */
import type { StopAct, StopList } from "@tollgate/instrumentation/protocol";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import type { SharedRecord } from "../support/shared-record.ts";
import { mergeStops } from "./merge-stops.ts";
import {
  ACTS_MAX,
  type NewStop,
  parseStops,
  serialiseStops,
  type StopAdded,
  type StopKeeper,
  type StopRecord,
  type StopReference,
  type StopStore,
  StopStoreError,
} from "./stop-store.ts";

/** Who missed a word of a change looks for it this often. */
const LOOK_MS = 1_000;
const TRIES_MAX = 16;

export interface SharedStopsOptions {
  readonly store: StopStore;
  readonly shared: SharedRecord;
  readonly clock: Clock;
  /** The record in the store is not what any processor wrote: it is left alone, and acts hold where they are made. */
  readonly onDamage: (error: Error) => void;
}

/** What a change makes of a record; `next` absent: nothing. */
interface Change<T> {
  readonly next?: StopRecord;
  readonly result: T;
}

export class SharedStops implements StopKeeper {
  readonly #options: SharedStopsOptions;
  #onNews: () => void = () => {};
  #cancel: CancelTimer = () => {};
  #isLooking = false;
  #isDamaged = false;

  constructor(options: SharedStopsOptions) {
    this.#options = options;
  }

  get list(): StopList {
    return this.#options.store.list;
  }

  /** Throws `StopStoreError` for a record that is damaged, and whatever the store throws. */
  async start(): Promise<void> {
    await this.#change(() => ({ result: undefined }));
    this.#cancel = every(this.#options.clock, LOOK_MS, () => void this.look());
  }

  async stop(): Promise<void> {
    this.#cancel();
  }

  /** Called when other processors changed the list. */
  onNews(listener: () => void): void {
    this.#onNews = listener;
  }

  /** Reads what the others did, and tells them what they do not know yet. Never rejects. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { epoch, revision } = this.list;
    try {
      await this.#change(() => ({ result: undefined }));
      this.#isDamaged = false;
    } catch (error) {
      // The ledger says that the store is away.
      if (error instanceof StopStoreError && !this.#isDamaged) this.#options.onDamage(error);
      this.#isDamaged ||= error instanceof StopStoreError;
    } finally {
      this.#isLooking = false;
    }
    if (this.list.epoch !== epoch || this.list.revision !== revision) this.#onNews();
  }

  isHandled(source: string): boolean {
    return this.#options.store.isHandled(source);
  }

  keepHandled(isStill: (source: string) => boolean): void {
    if (this.#options.store.record.handled.every(isStill)) return;
    const keep = (record: StopRecord): Change<void> => {
      const handled = record.handled.filter(isStill);
      return handled.length === record.handled.length
        ? { result: undefined }
        : { next: { ...record, handled }, result: undefined };
    };
    // Asked again in a second, as long as there is something to forget.
    this.#change(keep).catch(() => {});
  }

  async add(stop: NewStop): Promise<StopAdded> {
    const { store } = this.#options;
    const act = store.newAct(stop);
    try {
      return await this.#change((record) => added(record, act));
    } catch (error) {
      if (store.list.acts.length >= ACTS_MAX) return { outcome: "too_many" };
      return { ...store.put(act, { isPending: true }), isHereOnly: true, problem: String(error) };
    }
  }

  async lift(reference: StopReference): Promise<readonly StopAct[]> {
    try {
      return await this.#change((record) => lifted(record, reference));
    } catch (error) {
      throw new StopStoreError(`nothing was resumed, because it cannot be stored: ${String(error)}`, { cause: error });
    }
  }

  /** Changes what all share: read, decide, write if nobody was faster. */
  async #change<T>(decide: (record: StopRecord) => Change<T>): Promise<T> {
    const { store, shared } = this.#options;
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      const found = await shared.read();
      const merged = mergeStops(found === undefined ? undefined : read(found.text), store.record);
      const { next, result } = decide(merged.record);
      const record = next ?? merged.record;
      if (next !== undefined || merged.isNews) {
        const { list, handled } = record;
        if (!(await shared.write(serialiseStops({ ...list, handled }), found?.revision ?? 0))) continue;
      }
      if (!isSame(record, store.record)) store.replace({ ...record, pending: [] });
      return result;
    }
    throw new StopStoreError(`others changed it ${TRIES_MAX} times meanwhile`);
  }
}

function added(record: StopRecord, act: StopAct): Change<StopAdded> {
  const { list, handled } = record;
  // Every processor sees a threshold fire; the first one acts on it.
  const theirs = act.source === undefined ? undefined : list.acts.find(({ source }) => source === act.source);
  if (theirs !== undefined) return { result: inForce(theirs) };
  if (list.acts.length >= ACTS_MAX) return { result: { outcome: "too_many" } };
  const next = {
    list: { ...list, revision: list.revision + 1, acts: [...list.acts, act] },
    handled: act.source === undefined ? handled : [...new Set([...handled, act.source])],
  };
  return { next, result: inForce(act) };
}

function inForce(act: StopAct): StopAdded {
  return { outcome: "added", act, isDurable: true, isHereOnly: false, problem: "" };
}

function lifted(record: StopRecord, reference: StopReference): Change<readonly StopAct[]> {
  const { list } = record;
  const isMeant = (act: StopAct): boolean =>
    "id" in reference ? act.id === reference.id : act.selector === reference.selector;
  const result = list.acts.filter(isMeant);
  if (result.length === 0) return { result };
  const acts = list.acts.filter((act) => !isMeant(act));
  return { next: { ...record, list: { ...list, revision: list.revision + 1, acts } }, result };
}

function read(text: string): StopRecord {
  const stored = parseStops(text);
  if (stored === undefined) {
    throw new StopStoreError(
      "what the ledger's store says of who is killed and paused is damaged, and going on without it would let them go on",
    );
  }
  const { handled = [], pending: _, ...list } = stored;
  return { list, handled };
}

function isSame(a: StopRecord, b: StopRecord): boolean {
  return (
    b.pending?.length === 0 &&
    a.list.epoch === b.list.epoch &&
    a.list.revision === b.list.revision &&
    JSON.stringify(a.handled) === JSON.stringify(b.handled)
  );
}
