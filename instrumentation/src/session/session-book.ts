/**
 * What each session has read, done, spent and been refused: what rules over sessions ask for. A label that was read stays. Of
 * a session that several processes work in, this one knows what it saw itself and what it heard of the others. Bounded: of sessions that were
 * not used for long only their labels and their denials are kept, and beyond that every session that nobody remembers is
 * taken to have read what the most sensitive forgotten one had.
 */
import type { LabelOrder } from "../policy/label.ts";
import type { SessionFacts, ToolFacts } from "../policy/request.ts";
import { SESSION_SETS } from "../protocol.ts";
import type { SessionSeen } from "../protocol.ts";

const SESSIONS_MAX = 2_000;
const FADED_MAX = 50_000;
const ENTRIES_MAX = 512;

interface Faded {
  readonly labels: readonly string[];
  readonly denied: number;
  /** Of other sessions, that are forgotten: nothing to tell of this one. */
  readonly isBorrowed?: boolean;
}

/** What one run of a tool adds. */
export interface Deed {
  readonly tool: ToolFacts;
  readonly destinations: readonly string[];
  /** Labels of what it read. */
  readonly labels: readonly string[];
  /** Of the call, without its `dry_run`. */
  readonly digest: string;
  readonly isDryRun: boolean;
}

/** `limits`: more was read, done or refused. `counts`: only calls or money. */
export type SessionNews = "limits" | "counts";
type Tell = (session: Session, news: SessionNews) => void;

type Shared = (typeof SESSION_SETS)[number];

interface Counts {
  denied: number;
  calls: number;
  spentNanoUsd: bigint;
}

export class Session {
  readonly id: string;
  /** What the other processes have seen of it was heard. */
  isJoined = false;
  readonly #tell: Tell;
  readonly #own: Counts;
  /** Of all other processes together. */
  readonly #others: Counts = { denied: 0, calls: 0, spentNanoUsd: 0n };
  /** Each entry, and whether the other processes can know it. */
  readonly #sets: Readonly<Record<Shared, Map<string, boolean>>>;
  readonly #dryRuns = new Set<string>();
  readonly #rehearsals = new Set<string>();

  constructor(id: string, past: Faded, tell: Tell) {
    this.id = id;
    this.#tell = tell;
    this.#own = { denied: past.denied, calls: 0, spentNanoUsd: 0n };
    const labels = past.labels.map((label) => [label, past.isBorrowed === true] as const);
    this.#sets = {
      labels: new Map(labels),
      tools: new Map(),
      actions: new Map(),
      systems: new Map(),
      destinations: new Map(),
    };
  }

  get labels(): readonly string[] {
    return [...this.#sets.labels.keys()];
  }

  /** Refusals in this process. */
  get ownDenied(): number {
    return this.#own.denied;
  }

  /** From now on the session has read data with these labels. */
  read(labels: readonly string[]): void {
    if (this.#add("labels", labels)) this.#tell(this, "limits");
  }

  deny(): void {
    this.#own.denied += 1;
    this.#tell(this, "limits");
  }

  spend(nanoUsd: bigint): void {
    this.#own.spentNanoUsd += nanoUsd;
    this.#tell(this, "counts");
  }

  did({ tool, destinations, labels, digest, isDryRun }: Deed): void {
    this.#own.calls += 1;
    let isNew = this.#add("labels", labels);
    if (isDryRun) {
      addTo(this.#dryRuns, tool.name);
      addTo(this.#rehearsals, `${tool.name}\n${digest}`);
    } else {
      const did = [
        this.#add("tools", [tool.name]),
        this.#add("actions", tool.actions ?? []),
        this.#add("systems", tool.systems ?? []),
        this.#add("destinations", destinations),
      ];
      isNew ||= did.includes(true);
    }
    this.#tell(this, isNew ? "limits" : "counts");
  }

  /** For the conditions of a call. */
  facts(order: LabelOrder, call: { readonly tool: string; readonly digest: string }): SessionFacts {
    const { labels, tools, actions, systems, destinations } = this.#sets;
    const [own, others] = [this.#own, this.#others];
    return {
      ...(this.id === "" ? {} : { id: this.id }),
      label: order.highest(labels.keys()),
      labels: this.labels,
      spentUsd: Number(own.spentNanoUsd + others.spentNanoUsd) / 1e9,
      calls: own.calls + others.calls,
      denied: own.denied + others.denied,
      tools: [...tools.keys()],
      actions: [...actions.keys()],
      systems: [...systems.keys()],
      destinations: [...destinations.keys()],
      dryRuns: [...this.#dryRuns],
      isRehearsed: this.#rehearsals.has(`${call.tool}\n${call.digest}`),
    };
  }

  /** Whether it has read what the other processes can't know yet. */
  get hasUntoldLabels(): boolean {
    for (const isTold of this.#sets.labels.values()) if (!isTold) return true;
    return false;
  }

  /** What the other processes can't know yet; this process's counts from the beginning. */
  untold(): SessionSeen {
    const of = (set: Shared): readonly string[] =>
      [...this.#sets[set]].flatMap(([entry, isTold]) => (isTold ? [] : [entry]));
    const sets = { labels: of("labels"), tools: of("tools"), actions: of("actions"), systems: of("systems") };
    const { denied, calls, spentNanoUsd } = this.#own;
    const counts = { denied, calls, spent_nano_usd: String(spentNanoUsd) };
    return { session: this.id, ...sets, destinations: of("destinations"), ...counts };
  }

  /** All of it is to be told once more: to a processor that may not know it. */
  tellAnew(): void {
    for (const set of SESSION_SETS) for (const entry of this.#sets[set].keys()) this.#sets[set].set(entry, false);
  }

  /** `seen` has arrived where the other processes are told. */
  wasTold(seen: SessionSeen): void {
    for (const set of SESSION_SETS) for (const entry of seen[set]) this.#sets[set].set(entry, true);
  }

  /** What other processes have seen. In any order, any number of times. */
  heard(seen: SessionSeen): void {
    for (const set of SESSION_SETS) {
      for (const entry of seen[set]) {
        const own = this.#sets[set];
        if (own.has(entry) || own.size < ENTRIES_MAX) own.set(entry, true);
      }
    }
    const others = this.#others;
    others.denied = Math.max(others.denied, seen.denied);
    others.calls = Math.max(others.calls, seen.calls);
    const spent = BigInt(seen.spent_nano_usd);
    if (spent > others.spentNanoUsd) others.spentNanoUsd = spent;
  }

  /** True: there was a new one. Bounded as `addTo`. */
  #add(set: Shared, entries: readonly string[]): boolean {
    const own = this.#sets[set];
    const before = own.size;
    for (const entry of entries) {
      const text = entry.slice(0, ENTRIES_MAX);
      if (own.size < ENTRIES_MAX && !own.has(text)) own.set(text, false);
    }
    return own.size > before;
  }
}

export class SessionBook {
  readonly #sessions = new Map<string, Session>();
  /** At their end. */
  #last: Session | undefined;
  readonly #faded = new Map<string, Faded>();
  readonly #forgotten = new Set<string>();
  #listener: Tell = () => {};

  /** Called with each session of which there is more to tell. */
  onNews(listener: Tell): void {
    this.#listener = listener;
  }

  /** Those in use, the one that was used last at the end. */
  get all(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** One in use; being looked for is no use. */
  find(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** "": what is done outside of every session, as one. */
  of(id: string): Session {
    const known = this.#sessions.get(id);
    if (known === this.#last && known !== undefined) return known;
    if (known !== undefined) {
      // Used last, kept longest.
      this.#sessions.delete(id);
      this.#sessions.set(id, known);
      this.#last = known;
      return known;
    }
    const past = this.#faded.get(id) ?? { labels: [...this.#forgotten], denied: 0, isBorrowed: true };
    const session = new Session(id, past, (told, news) => this.#listener(told, news));
    this.#faded.delete(id);
    this.#sessions.set(id, session);
    this.#last = session;
    if (this.#sessions.size > SESSIONS_MAX) this.#fadeOldest();
    return session;
  }

  #fadeOldest(): void {
    const [oldest] = this.#sessions.values();
    if (oldest === undefined) return;
    this.#sessions.delete(oldest.id);
    const { labels, ownDenied: denied } = oldest;
    if (labels.length === 0 && denied === 0) return;
    this.#faded.set(oldest.id, { labels, denied });
    if (this.#faded.size <= FADED_MAX) return;
    const [first] = this.#faded;
    if (first === undefined) return;
    this.#faded.delete(first[0]);
    for (const label of first[1].labels) addTo(this.#forgotten, label);
  }
}

/** Bounded: what comes late is left out, but for labels, of which there are few. */
function addTo(set: Set<string>, entry: string): void {
  if (set.size < ENTRIES_MAX) set.add(entry.slice(0, ENTRIES_MAX));
}
