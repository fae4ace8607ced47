/** What stands before policy and budget: nothing that somebody killed goes on, and nothing that somebody paused starts. */
import { AgentKilled, AgentPaused, ApprovalRequired } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import type { Clock } from "../lease/clock.ts";
import type { StopAct, StopList, StoppedReport } from "../protocol.ts";
import { Stops } from "./stops.ts";

type Labels = Readonly<Record<string, string>>;

/** Whose call it is. */
export interface Caller {
  readonly agent: string;
  readonly labels: Labels;
}

/** A call that has begun and not ended. */
export interface StoppableCall {
  readonly who: Caller;
  /** Gives it up with `error`; false when it was given up or had ended before. */
  stop(error: TollgateError): boolean;
}

export interface StopGateOptions {
  readonly clock: Clock;
  /** How long a call of a paused agent waits before it is refused. */
  readonly pauseWaitMs: number;
  /** Labels of the process as a whole: an act that matches them stops every call in it, whatever its context says. */
  readonly processLabels: () => Labels;
  readonly openCalls: ReadonlySet<StoppableCall>;
}

export class StopGate {
  readonly #options: StopGateOptions;
  readonly #stops: Stops;

  constructor(options: StopGateOptions) {
    this.#options = options;
    this.#stops = new Stops(options.clock);
  }

  /** Applies a list, gives up what it kills, and says what came of it; `undefined` for a list that is not news. */
  onStops(list: StopList): Omit<StoppedReport, "process_id"> | undefined {
    if (!this.#stops.apply(list)) return undefined;
    let aborted = 0;
    for (const call of Array.from(this.#options.openCalls)) {
      const error = this.killed(call.who);
      if (error !== undefined && call.stop(error)) aborted += 1;
    }
    const act = this.#stops.find(this.#options.processLabels());
    return {
      epoch: list.epoch,
      revision: list.revision,
      ...(act === undefined ? {} : { stopped_by: act.id }),
      aborted_calls: aborted,
    };
  }

  /** The error of a caller that was killed. */
  killed(who: Caller): AgentKilled | undefined {
    const act = this.#find(who);
    return act?.act === "kill" ? new AgentKilled(details(act, who)) : undefined;
  }

  /** Why the caller may not go on at once; a paused one may later. */
  refusal(who: Caller): TollgateError | undefined {
    const act = this.#find(who);
    if (act === undefined) return undefined;
    return act.act === "kill" ? new AgentKilled(details(act, who)) : refusalOf(act, who);
  }

  /** Whether the caller may go on at once. */
  isOpen(who: Caller): boolean {
    return this.#find(who) === undefined;
  }

  /** Waits while the caller is paused. Throws `AgentKilled` at once, `AgentPaused` or `ApprovalRequired` after the waiting time. */
  async pass(who: Caller, signal: AbortSignal | undefined): Promise<void> {
    const { clock, pauseWaitMs } = this.#options;
    const startedMs = clock.monotonicMs();
    for (;;) {
      const act = this.#find(who);
      if (act?.act === "kill") throw new AgentKilled(details(act, who));
      if (act === undefined || signal?.aborted === true) return;
      const leftMs = startedMs + (act.wait_ms ?? pauseWaitMs) - clock.monotonicMs();
      if (leftMs <= 0) throw refusalOf(act, who);
      await this.#stops.changed(leftMs, signal);
    }
  }

  #find(who: Caller): StopAct | undefined {
    return this.#stops.isEmpty ? undefined : this.#stops.find(who.labels, this.#options.processLabels());
  }
}

function refusalOf(act: StopAct, who: Caller): TollgateError {
  return act.asks === "approval" ? new ApprovalRequired(details(act, who)) : new AgentPaused(details(act, who));
}

function details({ reason, author }: StopAct, { agent }: Caller): ConstructorParameters<typeof AgentKilled>[0] {
  return { agent, reason, author };
}
