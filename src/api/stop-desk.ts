/**
 * Where acts of people meet processes: stores an act, pushes it to every process that listens, collects who applied it.
 * Every process gets the whole list and matches each of its own calls: sessions, sub-agents and labels of a call are known
 * only there. What a process is as a whole is matched here too, by the registry's labels, and decides about its money.
 */
import { parseSelector, type Selector } from "@tollgate/instrumentation/policy";
import type { StopAct } from "@tollgate/instrumentation/protocol";
import type { RecordChange } from "../changes/change-log.ts";
import type { Acknowledgement, Acknowledgements } from "../kill/acknowledgements.ts";
import { type NewStop, type StopKeeper, type StopReference, StopStoreError } from "../kill/stop-store.ts";
import type { Labels } from "../policy/registry.ts";
import type { Clock } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { ControlStreams } from "./control.ts";
import type { AffectedProcess, ResumeReply, StopOutcome, StopReply } from "./kill-schemas.ts";
import { ApiProblem } from "./problem.ts";
import type { KnownProcess, ProcessTable } from "./processes.ts";
import type { StopPeers } from "./stop-peers.ts";

export interface StopDeskOptions {
  readonly store: StopKeeper;
  /** The other processors of the fleet. @default none */
  readonly peers?: StopPeers;
  readonly acknowledgements: Acknowledgements;
  readonly control: ControlStreams;
  readonly processes: ProcessTable;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly leaseTtlMs: number;
  readonly recordChange: RecordChange;
  /** Whom a selector is about, where several tenants share the fleet. */
  readonly tenantOf: (selector: string) => string | undefined;
}

type Outcome = Pick<StopReply, "processes" | "listening" | "acknowledged" | "processors">;

export class StopDesk {
  readonly #options: StopDeskOptions;
  /** Parsed selectors of the acts in force, by their text. */
  #selectors = new Map<string, Selector>();

  constructor(options: StopDeskOptions) {
    this.#options = options;
  }

  get isAnythingStopped(): boolean {
    return this.#options.store.list.acts.length > 0;
  }

  /** The act that a process or call with any of these labels is under: a kill before a pause. */
  actOn(...labels: readonly Labels[]): StopAct | undefined {
    const { acts } = this.#options.store.list;
    const on = acts.filter((act) => labels.some((set) => this.#selector(act.selector)?.matches(set) === true));
    return on.find(({ act }) => act === "kill") ?? on[0];
  }

  /** Throws `agent_killed` for labels that are under a kill. A paused process keeps its money, and holds its calls itself. */
  refuseKilled(...labels: readonly Labels[]): void {
    const act = this.actOn(...labels);
    if (act?.act === "kill") throw new ApiProblem("agent_killed", stoppedText(act));
  }

  /** Throws `agent_killed` or `agent_paused`: for callers that have no gate of ours to hold their calls. */
  refuseStopped(...labels: readonly Labels[]): void {
    this.refuseKilled(...labels);
    const act = this.actOn(...labels);
    if (act === undefined) return;
    if (act.asks === "approval") throw new ApiProblem("approval_required", stoppedText(act));
    throw new ApiProblem("agent_paused", stoppedText(act), undefined, { retryAfterSeconds: PAUSE_RETRY_SECONDS });
  }

  /** Puts an act in force. Throws `invalid_request` for a selector that cannot be read. */
  async stop(stop: NewStop, waitMs: number): Promise<StopReply> {
    const { store, clock, telemetry } = this.#options;
    const selector = readSelector(stop.selector);
    const sinceMs = clock.monotonic();
    const added = await store.add({ ...stop, selector: selector.text });
    if (added.outcome === "too_many") throw new ApiProblem("too_many_stops");
    const { act, isDurable, isHereOnly } = added;
    telemetry.emit(stop.act === "kill" ? "agents_killed" : "agents_paused", {
      id: act.id,
      selector: act.selector,
      author: act.author,
      reason: act.reason,
    });
    if (!isDurable) telemetry.emit("stop_not_stored", { id: act.id, error: added.problem });
    const pushed = this.#push([selector], { sinceMs, waitMs });
    // After it was pushed: who is to be killed does not go on while a disk is slow.
    this.#record({ author: act.author, action: act.act, subject: act.selector, after: act });
    return {
      stop: act,
      durable: isDurable,
      ...(isHereOnly === undefined ? {} : { everywhere: !isHereOnly }),
      ...(await pushed),
    };
  }

  /** Lifts acts by id or by selector. Throws `not_found` when there are none. */
  async resume(reference: StopReference, options: { author: string; waitMs: number }): Promise<ResumeReply> {
    const { store, clock, telemetry } = this.#options;
    const meant = "id" in reference ? reference : { selector: readSelector(reference.selector).text };
    const sinceMs = clock.monotonic();
    const lifted = await liftFrom(store, meant);
    if (lifted.length === 0) throw new ApiProblem("not_found", "nothing is stopped by that selector or id");
    for (const act of lifted) {
      telemetry.emit("agents_resumed", { id: act.id, selector: act.selector, author: options.author });
      this.#record({ author: options.author, action: "resume", subject: act.selector, before: act });
    }
    const selectors = lifted.flatMap(({ selector }) => this.#selector(selector) ?? []);
    const outcome = await this.#push(selectors, { sinceMs, waitMs: options.waitMs });
    return { lifted: [...lifted], ...outcome };
  }

  #record(change: Parameters<RecordChange>[0]): void {
    const tenant = this.#options.tenantOf(change.subject);
    this.#options.recordChange({ ...change, ...(tenant === undefined ? {} : { tenant }) }).catch((error: unknown) => {
      this.#options.telemetry.emit("change_not_recorded", { action: change.action, error: errorText(error) });
    });
  }

  /** For another processor of the fleet: pushes what is in force to those who listen here, and waits for them. */
  async pushHere(texts: readonly string[], waitMs: number): Promise<StopOutcome> {
    const selectors = texts.flatMap((text) => this.#selector(text) ?? []);
    return this.#pushHere(selectors, { sinceMs: this.#options.clock.monotonic(), waitMs });
  }

  async #push(selectors: readonly Selector[], timing: { sinceMs: number; waitMs: number }): Promise<Outcome> {
    const { peers } = this.#options;
    const here = this.#pushHere(selectors, timing);
    if (peers === undefined) return here;
    const texts = selectors.map(({ text }) => text);
    const [own, { told, outcomes }] = await Promise.all([here, peers.ask(texts, timing.waitMs)]);
    return { ...together([own, ...outcomes]), processors: { told, answered: outcomes.length } };
  }

  async #pushHere(selectors: readonly Selector[], timing: { sinceMs: number; waitMs: number }): Promise<StopOutcome> {
    const { store, acknowledgements, control, processes, leaseTtlMs } = this.#options;
    const listening = control.processIds();
    const heard = await acknowledgements.collect({
      revision: store.list.revision,
      processes: listening,
      ...timing,
      send: () => control.sendStops(),
    });
    const isListening = new Set(listening);
    const affected: AffectedProcess[] = [];
    for (const [id, process] of processes.entries()) {
      const acknowledgement = heard.get(id);
      const isMeant = selectors.some(({ matches }) => matches(process.labels));
      const isConcerned = isMeant || (acknowledgement?.report.aborted_calls ?? 0) > 0;
      // One that is neither here nor can hold money any more has most likely ended.
      const isGone = acknowledgement === undefined && !isListening.has(id) && this.#hasNoLease(process);
      if (!isConcerned || isGone) continue;
      affected.push(describe(id, process, { acknowledgement, isConnected: isListening.has(id), leaseTtlMs }));
    }
    return { processes: affected, listening: listening.length, acknowledged: heard.size };
  }

  #hasNoLease({ seenAtMs }: KnownProcess): boolean {
    return this.#options.clock.now() >= seenAtMs + this.#options.leaseTtlMs;
  }

  #selector(text: string): Selector | undefined {
    const known = this.#selectors.get(text);
    if (known !== undefined) return known;
    const parsed = parseSelector(text);
    if (!parsed.ok) return undefined;
    if (this.#selectors.size > SELECTORS_MAX) this.#selectors = new Map();
    this.#selectors.set(text, parsed.selector);
    return parsed.selector;
  }
}

const SELECTORS_MAX = 2_000;
/** When a paused caller should ask again; nobody knows when it will be resumed. */
const PAUSE_RETRY_SECONDS = 5;

/** What an act says to those whom it stops. */
export function stoppedText({ act, author, reason }: StopAct): string {
  return `${act === "kill" ? "killed" : "paused"} by ${author}${reason === "" ? "" : `: ${reason}`}`;
}

function readSelector(text: string): Selector {
  const parsed = parseSelector(text);
  if (parsed.ok) return parsed.selector;
  throw new ApiProblem("invalid_request", `body.selector: ${parsed.problem}`, [
    { path: "body.selector", message: parsed.problem },
  ]);
}

async function liftFrom(store: StopKeeper, reference: StopReference): Promise<readonly StopAct[]> {
  try {
    return await store.lift(reference);
  } catch (error) {
    if (error instanceof StopStoreError) throw new ApiProblem("stop_not_stored", error.message);
    throw error;
  }
}

/** Of several processors: a process may be known to more than one, and is listed by the one that knows best. */
function together(outcomes: readonly StopOutcome[]): StopOutcome {
  const byId = new Map<string, AffectedProcess>();
  const rank = ({ acknowledged, connected }: AffectedProcess): number => (acknowledged ? 2 : 0) + (connected ? 1 : 0);
  for (const process of outcomes.flatMap(({ processes }) => processes)) {
    const known = byId.get(process.process_id);
    if (known === undefined || rank(process) > rank(known)) byId.set(process.process_id, process);
  }
  const sum = (of: (outcome: StopOutcome) => number): number => outcomes.reduce((total, each) => total + of(each), 0);
  return {
    processes: [...byId.values()],
    listening: sum(({ listening }) => listening),
    acknowledged: sum(({ acknowledged }) => acknowledged),
  };
}

function describe(
  id: string,
  { agent, pid, seenAtMs }: KnownProcess,
  known: {
    readonly acknowledgement: Acknowledgement | undefined;
    readonly isConnected: boolean;
    readonly leaseTtlMs: number;
  },
): AffectedProcess {
  const { acknowledgement, isConnected, leaseTtlMs } = known;
  return {
    process_id: id,
    agent,
    pid,
    acknowledged: acknowledgement !== undefined,
    connected: isConnected,
    after_ms: acknowledgement === undefined ? null : Math.round(acknowledgement.afterMs * 10) / 10,
    aborted_calls: acknowledgement?.report.aborted_calls ?? 0,
    lease_ends_at: acknowledgement === undefined ? new Date(seenAtMs + leaseTtlMs).toISOString() : null,
  };
}
