/**
 * How far an agent went, in all of its processes: with how many rows, how wide a query, which labels, where to, and how the
 * MCP tools that it was offered were described at first. It only grows, but for descriptions, of which the first stands: the
 * processor's word on which that was beats this process's. Where it went is kept as digests: all that is asked is whether
 * it is new. Bounded: what finds no room is new each time.
 */
import { createHash } from "node:crypto";
import type { LabelOrder } from "../policy/label.ts";
import { DESTINATIONS_MAX } from "../policy/request.ts";
import type { Expansion } from "../policy/request.ts";
import { isAgentName } from "../protocol.ts";
import type { PastSeen } from "../protocol.ts";
import type { Reach } from "./reach.ts";

/** Destinations and systems. */
export const KNOWN_MAX = DESTINATIONS_MAX;
export const PAST_LABELS_MAX = 64;
export const PAST_TOOLS_MAX = 1_024;
/** 96 bits: nobody finds another text with the digest of one of a thousand. */
const KEY_LENGTH = 16;
const LABEL_LENGTH_MAX = 512;
export const KEY_SHAPE = /^[A-Za-z0-9_-]{16}$/;

/** Of what a past knows: a destination, a system, a tool of a server. */
export function pastKey(
  ...parts: readonly ["destination" | "system", string] | readonly ["tool", string, string]
): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, KEY_LENGTH);
}

export class AgentPast {
  readonly agent: string;
  /** `heard`: what other processes of the agent told is in it. `unknown`: who was asked does not say. */
  standing: "own" | "heard" | "unknown" = "own";
  #hasActed = false;
  #rows = 0;
  #width = 0;
  /** Each entry, and whether the other processes can know it. */
  readonly #labels = new Map<string, boolean>();
  readonly #known = new Map<string, boolean>();
  /** Of tools, the first description, by key. */
  readonly #tools = new Map<string, { readonly fingerprint: string; isTold: boolean }>();
  #isToldOf = true;

  constructor(agent: string) {
    this.agent = agent;
    // Nobody keeps what is done in such a name.
    if (!isAgentName(agent)) this.standing = "unknown";
  }

  static of(seen: PastSeen): AgentPast {
    const past = new AgentPast(seen.agent);
    past.heard(seen);
    return past;
  }

  /**
   * In what `reach` goes beyond it. What an agent does first is no expansion: there is nothing to compare it with. `isBegun`: it is not
   * known whether it did anything, so all is new that is not known.
   */
  expansions(
    reach: Reach,
    order: LabelOrder,
    { isBegun = false }: { readonly isBegun?: boolean } = {},
  ): readonly Expansion[] {
    if (!this.#hasActed && !isBegun) return [];
    const found: Expansion[] = [];
    if (reach.rows > this.#rows) found.push("rows");
    if (reach.width > this.#width) found.push("query");
    if (this.#isAbove(reach.labels, order)) found.push("label");
    if (reach.destinations.some((destination) => !this.#known.has(pastKey("destination", destination))))
      found.push("destination");
    if (reach.systems.some((system) => !this.#known.has(pastKey("system", system)))) found.push("system");
    return found;
  }

  /** The call ran: from now on it is the agent's past. True: it went further. */
  add(reach: Reach): boolean {
    const before = this.#size;
    const isFurther = !this.#hasActed || reach.rows > this.#rows || reach.width > this.#width;
    this.#hasActed = true;
    this.#rows = Math.max(this.#rows, reach.rows);
    this.#width = Math.max(this.#width, reach.width);
    for (const label of reach.labels) keep(this.#labels, label.slice(0, LABEL_LENGTH_MAX), PAST_LABELS_MAX);
    for (const destination of reach.destinations) keep(this.#known, pastKey("destination", destination), KNOWN_MAX);
    for (const system of reach.systems) keep(this.#known, pastKey("system", system), KNOWN_MAX);
    if (isFurther) this.#isToldOf = false;
    return isFurther || this.#size > before;
  }

  /** How a tool was described at first; `undefined`: it was not offered before. "": there was no room to remember it. */
  firstOf(server: string, tool: string): string | undefined {
    const first = this.#tools.get(pastKey("tool", server, tool))?.fingerprint;
    return first === undefined && this.#tools.size >= PAST_TOOLS_MAX ? "" : first;
  }

  /** A tool is offered for the first time; later ones change nothing. True: it was the first time. */
  offer(server: string, tool: string, fingerprint: string): boolean {
    const key = pastKey("tool", server, tool);
    if (this.#tools.has(key) || this.#tools.size >= PAST_TOOLS_MAX) return false;
    this.#tools.set(key, { fingerprint, isTold: false });
    return true;
  }

  /** What the other processes can't know yet. */
  untold(): PastSeen {
    const of = (entries: ReadonlyMap<string, boolean>): readonly string[] =>
      [...entries].flatMap(([entry, isTold]) => (isTold ? [] : [entry]));
    const tools = [...this.#tools].flatMap(([key, { fingerprint, isTold }]) => (isTold ? [] : [[key, fingerprint]]));
    return {
      agent: this.agent,
      has_acted: this.#hasActed,
      rows: this.#rows,
      width: this.#width,
      labels: of(this.#labels),
      known: of(this.#known),
      tools: Object.fromEntries(tools) as PastSeen["tools"],
    };
  }

  get hasUntold(): boolean {
    const { labels, known, tools } = this.untold();
    return !this.#isToldOf || labels.length + known.length + Object.keys(tools).length > 0;
  }

  /** `seen` has arrived where the other processes are told. */
  wasTold(seen: PastSeen): void {
    this.#isToldOf ||= seen.rows === this.#rows && seen.width === this.#width && seen.has_acted === this.#hasActed;
    for (const label of seen.labels) this.#labels.set(label, true);
    for (const key of seen.known) this.#known.set(key, true);
    for (const key of Object.keys(seen.tools)) {
      const tool = this.#tools.get(key);
      if (tool !== undefined) tool.isTold = true;
    }
  }

  /** What all processes told. In any order, any number of times. */
  heard(seen: PastSeen): void {
    this.#hasActed ||= seen.has_acted;
    this.#rows = Math.max(this.#rows, seen.rows);
    this.#width = Math.max(this.#width, seen.width);
    for (const label of seen.labels) hear(this.#labels, label, PAST_LABELS_MAX);
    for (const key of seen.known) hear(this.#known, key, KNOWN_MAX);
    for (const [key, fingerprint] of Object.entries(seen.tools))
      if (this.#tools.has(key) || this.#tools.size < PAST_TOOLS_MAX)
        this.#tools.set(key, { fingerprint, isTold: true });
  }

  get #size(): number {
    return this.#labels.size + this.#known.size;
  }

  /** Labels that the order knows no more say nothing, but for themselves. */
  #isAbove(labels: readonly string[], order: LabelOrder): boolean {
    const unseen = labels.filter((label) => !this.#labels.has(label.slice(0, LABEL_LENGTH_MAX)));
    if (unseen.length === 0) return false;
    const known = [...this.#labels.keys()].filter((label) => order.has(label));
    return order.rank(order.highest(unseen)) > order.rank(order.highest(known));
  }
}

function keep(entries: Map<string, boolean>, entry: string, max: number): void {
  if (entries.size < max && !entries.has(entry)) entries.set(entry, false);
}

function hear(entries: Map<string, boolean>, entry: string, max: number): void {
  if (entries.has(entry) || entries.size < max) entries.set(entry, true);
}

const AGENTS_MAX = 256;

/** The agents that one process acts for. */
export class PastBook {
  readonly #pasts = new Map<string, AgentPast>();
  #hasForgotten = false;
  #listener: (past: AgentPast) => void = () => {};

  /** Called with each agent of which there is more to tell. */
  onNews(listener: (past: AgentPast) => void): void {
    this.#listener = listener;
  }

  get all(): Iterable<AgentPast> {
    return this.#pasts.values();
  }

  /** Strangers may be agents that had to be forgotten. */
  get hasForgotten(): boolean {
    return this.#hasForgotten;
  }

  of(agent: string): AgentPast {
    const known = this.#pasts.get(agent);
    if (known !== undefined) return known;
    const [oldest] = this.#pasts.keys();
    if (this.#pasts.size >= AGENTS_MAX && oldest !== undefined) {
      this.#pasts.delete(oldest);
      this.#hasForgotten = true;
    }
    const past = new AgentPast(agent);
    this.#pasts.set(agent, past);
    return past;
  }

  /** What all processes of an agent told. */
  hear(seen: PastSeen): void {
    const past = this.of(seen.agent);
    past.heard(seen);
    past.standing = "heard";
  }

  add(agent: string, reach: Reach): void {
    const past = this.of(agent);
    if (past.add(reach)) this.#listener(past);
  }

  offer(agent: string, tool: { readonly server: string; readonly name: string; readonly fingerprint: string }): void {
    const past = this.of(agent);
    if (past.offer(tool.server, tool.name, tool.fingerprint)) this.#listener(past);
  }
}
