import type { Labels } from "../policy/registry.ts";
import type { Clock } from "../support/clock.ts";
import type { AgentCaller } from "./access.ts";
import { ApiProblem } from "./problem.ts";

/** An agent process that said hello. */
export interface KnownProcess {
  readonly agent: string;
  readonly isVerified: boolean;
  readonly pid: number;
  readonly version: string;
  /** `AgentCaller.id`: another credential cannot speak for this process. */
  readonly callerId: string;
  /** After the registry had its say. */
  readonly labels: Labels;
  /** `name@version` of each copy of a library in it that is not gated. */
  readonly unpatched?: readonly string[];
  /** How often its gate has failed inside and was contained. */
  readonly failures: number;
  /** Unix milliseconds of its last message. */
  readonly seenAtMs: number;
}

const PROCESSES_MAX = 20_000;
/** Agents that are named. */
const FAILING_MAX = 10;

/**
 * Who said hello since the processor started. A restart forgets them, and they say hello again. Bounded: beyond
 * `PROCESSES_MAX` the one that was silent for longest is forgotten, which costs it one more hello.
 */
export class ProcessTable {
  /** In order of last message: a touched entry is inserted anew. */
  readonly #processes = new Map<string, KnownProcess>();

  readonly #clock: Clock;
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  entries(): Iterable<readonly [string, KnownProcess]> {
    return this.#processes;
  }

  /** `undefined`: it did not say hello since the processor started. */
  agentOf(processId: string): string | undefined {
    return this.#processes.get(processId)?.agent;
  }

  get size(): number {
    return this.#processes.size;
  }

  /** Throws `forbidden` when the id belongs to another credential. */
  hello(processId: string, process: Omit<KnownProcess, "seenAtMs">): void {
    const known = this.#processes.get(processId);
    if (known !== undefined && known.callerId !== process.callerId) throw foreign();
    this.#failures += Math.max(0, process.failures - (known?.failures ?? 0));
    this.#processes.delete(processId);
    this.#processes.set(processId, { ...process, seenAtMs: this.#clock.now() });
    const oldest = this.#processes.keys().next();
    if (this.#processes.size > PROCESSES_MAX && oldest.done !== true) this.#processes.delete(oldest.value);
  }

  /** Throws `process_unknown`, or `forbidden` for another credential's process. */
  get(processId: string, caller: AgentCaller): KnownProcess {
    const process = this.#processes.get(processId);
    if (process === undefined) throw new ApiProblem("process_unknown");
    if (process.callerId !== caller.id) throw foreign();
    this.#processes.delete(processId);
    const seen = { ...process, seenAtMs: this.#clock.now() };
    this.#processes.set(processId, seen);
    return seen;
  }

  /**
   * For what needs no hello: a last report (the ledger knows the leases of a process that this processor has forgotten)
   * and listening. Throws `forbidden` for another credential's process.
   */
  allowUnknown(processId: string, caller: AgentCaller): void {
    const process = this.#processes.get(processId);
    if (process !== undefined && process.callerId !== caller.id) throw foreign();
  }

  /** A last report: the gate of a process that is known here has failed so often. */
  failed(processId: string, failures: number): void {
    const process = this.#processes.get(processId);
    if (process === undefined || failures <= process.failures) return;
    this.#failures += failures - process.failures;
    this.#processes.set(processId, { ...process, failures });
  }

  /** How often gates have failed inside since the processor started, by their own word. */
  get failures(): number {
    return this.#failures;
  }

  /** One sentence for each agent whose gate has failed inside, those with the most first. */
  failing(): readonly string[] {
    const counts = new Map<string, number>();
    for (const { agent, failures } of this.#processes.values())
      if (failures > 0) counts.set(agent, (counts.get(agent) ?? 0) + failures);
    const worst = [...counts].toSorted(([, left], [, right]) => right - left);
    const more = worst.length - FAILING_MAX;
    return [
      ...worst
        .slice(0, FAILING_MAX)
        .map(
          ([agent, count]) =>
            `agent \`${agent}\`: its gate failed inside ${count} times, which was contained: its log says why (please report it)`,
        ),
      ...(more > 0 ? [`gates of ${more} more agents failed inside`] : []),
    ];
  }

  /** One sentence for each agent with a process whose libraries are not all gated. */
  unpatched(): readonly string[] {
    const texts = [...this.#processes.values()].flatMap(({ agent, unpatched = [] }) =>
      unpatched.map((library) => `agent \`${agent}\`: a process of it has loaded ${library}, which is not gated`),
    );
    return [...new Set(texts)];
  }

  /** Names of the agents behind the processes, each once. */
  agents(): readonly string[] {
    return [...new Set([...this.#processes.values()].map((process) => process.agent))].sort();
  }
}

function foreign(): ApiProblem {
  return new ApiProblem("forbidden", "the process belongs to another credential");
}
