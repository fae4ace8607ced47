import { RecentMap } from "../../support/recent-map.ts";

export interface Teller {
  readonly agent: string;
  readonly scope: string;
}

interface Agent<Noted> {
  single: { readonly scope: string; readonly noted: Noted } | undefined;
}

/** Agents that are known to have one scope. */
const AGENTS_MAX = 1_024;

/** Nearly every agent has one instrumentation: until a second scope tells of its calls, its latest calls are only noted. */
export class SingleTellers<Noted extends NonNullable<unknown>> {
  readonly #agents = new RecentMap<string, Agent<Noted>>(AGENTS_MAX);
  readonly #make: () => Noted;
  readonly #take: (teller: Teller, noted: Noted) => void;

  /** `take` is given what was noted of a first scope once there is a second. */
  constructor(make: () => Noted, take: (teller: Teller, noted: Noted) => void) {
    this.#make = make;
    this.#take = take;
  }

  /** Where to note a call of an agent of which this scope only has told; `undefined` from its second scope on. */
  notedOf({ agent: name, scope }: Teller): Noted | undefined {
    const agent = this.#agents.getOr(name, () => ({ single: { scope, noted: this.#make() } }));
    const { single } = agent;
    if (single === undefined) return undefined;
    if (single.scope === scope) return single.noted;
    agent.single = undefined;
    this.#take({ agent: name, scope: single.scope }, single.noted);
    return undefined;
  }
}
