/**
 * A computer with clocks of its own: the wall clock is set by people and NTP, the monotonic one runs a little fast or slow
 * and stands still while the machine sleeps. A process on it dies with all its timers.
 */
import type { Clock as AgentClock } from "../../instrumentation/src/lease/clock.ts";
import type { Clock as ServiceClock } from "../../src/support/clock.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Unix milliseconds with a fraction have a precision of some 0.0003: what is this close is now. */
const CLOSE_MS = 0.01;

export class Machine {
  readonly #time: VirtualTime;
  readonly #startMs: number;
  /** How fast the monotonic clock runs. */
  readonly #rate: number;
  #wallOffsetMs = 0;
  #sleptMs = 0;
  #asleepSinceMs: number | undefined;
  #wakesAtMs = 0;

  constructor(time: VirtualTime, rate = 1) {
    this.#time = time;
    this.#startMs = time.nowMs;
    this.#rate = rate;
  }

  wallMs(): number {
    return this.#time.nowMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    const atMs = this.#asleepSinceMs ?? this.#time.nowMs;
    return (atMs - this.#startMs - this.#sleptMs) * this.#rate;
  }

  /** Sets the wall clock. */
  jump(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  sleep(ms: number): void {
    if (this.#asleepSinceMs !== undefined) return;
    const sinceMs = this.#time.nowMs;
    this.#asleepSinceMs = sinceMs;
    this.#wakesAtMs = sinceMs + ms;
    this.#time.after(ms, () => {
      this.#asleepSinceMs = undefined;
      this.#sleptMs += this.#time.nowMs - sinceMs;
    });
  }

  /** Now, or when it wakes. */
  whenAwake(fn: () => void): void {
    if (this.#asleepSinceMs === undefined) fn();
    else this.#time.at(this.#wakesAtMs, () => this.whenAwake(fn));
  }

  /** Calls back once its own monotonic clock has moved by `ms`: whole milliseconds and at least one, as Node's timers have it. */
  after(ms: number, fn: () => void): () => void {
    const deadlineMs = this.monotonicMs() + Math.max(1, Math.trunc(ms));
    let cancel = (): void => {};
    const arm = (): void => {
      cancel = this.#time.after((deadlineMs - this.monotonicMs()) / this.#rate, () => {
        if (this.#asleepSinceMs !== undefined) cancel = this.#time.at(this.#wakesAtMs, arm);
        else if (this.monotonicMs() < deadlineMs - CLOSE_MS) arm();
        else fn();
      });
    };
    arm();
    return () => cancel();
  }
}

/** One life of a process on a machine: nothing of it happens once it is dead. */
export class Life {
  readonly machine: Machine;
  isDead = false;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  after(ms: number, fn: () => void): () => void {
    return this.machine.after(ms, () => {
      if (!this.isDead) fn();
    });
  }

  /** As the instrumentation wants it. */
  get agentClock(): AgentClock {
    return {
      monotonicMs: () => this.machine.monotonicMs(),
      wallMs: () => this.machine.wallMs(),
      after: (ms, callback) => ({ cancel: this.after(ms, callback) }),
    };
  }

  /** As the processor wants it. */
  get serviceClock(): ServiceClock {
    return {
      now: () => this.machine.wallMs(),
      monotonic: () => this.machine.monotonicMs(),
      setTimer: (ms, fn) => this.after(ms, fn),
    };
  }
}
