/**
 * What each session of this process has read, done, spent and been refused: what rules over sessions ask for. A label that was
 * read stays. Bounded: of sessions that were not used for long only their label and their denials are kept, and beyond that
 * every session that nobody remembers is taken to have read what the most sensitive forgotten one had.
 */
import type { LabelOrder } from "../policy/label.ts";
import type { SessionFacts, ToolFacts } from "../policy/request.ts";

const SESSIONS_MAX = 2_000;
const FADED_MAX = 50_000;
const ENTRIES_MAX = 512;

interface Faded {
  readonly labels: readonly string[];
  readonly denied: number;
}

/** What one run of a tool adds. */
export interface Deed {
  readonly tool: ToolFacts;
  readonly destination: string;
  /** Labels of what it read. */
  readonly labels: readonly string[];
  /** Of the call, without its `dry_run`. */
  readonly digest: string;
  readonly isDryRun: boolean;
}

export class Session {
  readonly id: string;
  spentUsd = 0;
  calls = 0;
  denied: number;
  readonly #labels: Set<string>;
  readonly #tools = new Set<string>();
  readonly #actions = new Set<string>();
  readonly #systems = new Set<string>();
  readonly #destinations = new Set<string>();
  readonly #dryRuns = new Set<string>();
  readonly #rehearsals = new Set<string>();

  constructor(id: string, past: Faded) {
    this.id = id;
    this.denied = past.denied;
    this.#labels = new Set(past.labels);
  }

  get labels(): readonly string[] {
    return [...this.#labels];
  }

  /** From now on the session has read data with these labels. */
  read(labels: readonly string[]): void {
    for (const label of labels) addTo(this.#labels, label);
  }

  did({ tool, destination, labels, digest, isDryRun }: Deed): void {
    this.calls += 1;
    this.read(labels);
    if (isDryRun) {
      addTo(this.#dryRuns, tool.name);
      addTo(this.#rehearsals, `${tool.name}\n${digest}`);
      return;
    }
    addTo(this.#tools, tool.name);
    for (const action of tool.actions ?? []) addTo(this.#actions, action);
    for (const system of tool.systems ?? []) addTo(this.#systems, system);
    if (destination !== "") addTo(this.#destinations, destination);
  }

  /** For the conditions of a call. */
  facts(order: LabelOrder, call: { readonly tool: string; readonly digest: string }): SessionFacts {
    return {
      ...(this.id === "" ? {} : { id: this.id }),
      label: order.highest(this.#labels),
      labels: this.labels,
      spentUsd: this.spentUsd,
      calls: this.calls,
      denied: this.denied,
      tools: [...this.#tools],
      actions: [...this.#actions],
      systems: [...this.#systems],
      destinations: [...this.#destinations],
      dryRuns: [...this.#dryRuns],
      isRehearsed: this.#rehearsals.has(`${call.tool}\n${call.digest}`),
    };
  }
}

export class SessionBook {
  readonly #sessions = new Map<string, Session>();
  readonly #faded = new Map<string, Faded>();
  readonly #forgotten = new Set<string>();

  /** "": what is done outside of every session, as one. */
  of(id: string): Session {
    const known = this.#sessions.get(id);
    if (known !== undefined) {
      // Used last, kept longest.
      this.#sessions.delete(id);
      this.#sessions.set(id, known);
      return known;
    }
    const session = new Session(id, this.#faded.get(id) ?? { labels: [...this.#forgotten], denied: 0 });
    this.#faded.delete(id);
    this.#sessions.set(id, session);
    if (this.#sessions.size > SESSIONS_MAX) this.#fadeOldest();
    return session;
  }

  #fadeOldest(): void {
    const [oldest] = this.#sessions.values();
    if (oldest === undefined) return;
    this.#sessions.delete(oldest.id);
    const { labels, denied } = oldest;
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
