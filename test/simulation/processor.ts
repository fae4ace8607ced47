/**
 * The processor under simulation: the real routes of `/v1/leases/*`, the real ledger, journal and recovery, on a disk that
 * forgets. It dies at steps of its disk and comes back; what it has acknowledged is remembered here and looked for in what a
 * restart finds (I5).
 */
import type { Answer } from "../../instrumentation/src/lease/transport.ts";
import type { Budget } from "../../src/budget/budget.ts";
import type { ObservedSpend, RaiseCommand } from "../../src/budget/ledger.ts";
import { LedgerError } from "../../src/budget/ledger-error.ts";
import type { LedgerNotice, StoredLedger } from "../../src/budget/ledger-notice.ts";
import { createLocalLedger } from "../../src/budget/local/create-local-ledger.ts";
import type { LedgerState } from "../../src/budget/rules/state.ts";
import { snapshotLines } from "../../src/budget/rules/snapshot.ts";
import { InvariantError } from "../../src/support/assert.ts";
import type { Random } from "../support/random.ts";
import { Acknowledged } from "./acknowledged.ts";
import { CrashingDisk } from "./crashing-disk.ts";
import { Firings } from "./firings.ts";
import { DOWN, LeaseService } from "./lease-service.ts";
import { Life, Machine } from "./machine.ts";
import { Spool } from "./spool.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface ProcessorOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly trace: Trace;
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly segmentBytesMax: number;
  readonly syncMsMax: number;
  readonly stepMsMax: number;
  readonly diskErrorRate: number;
  /** How long a restart takes, at most. */
  readonly restartMsMax: number;
  /** The documents of a start. */
  readonly budgets: () => readonly Budget[];
  /** Whether a threshold fires once a window: not where limits change. */
  readonly areLimitsFixed: boolean;
  readonly onRecall: (processId: string, leaseIds: readonly string[]) => void;
  readonly onCount: (token: string, entries: readonly ObservedSpend[]) => void;
  readonly onDown: () => void;
  readonly fail: (error: unknown) => void;
}

/** What agents of the simulation talk to: one processor, or several over one store. */
export interface Serving {
  /** Where requests arrive. */
  readonly machine: Machine;
  /** What is on disk comes to this, or is about to; `undefined` before the first start. */
  readonly state: LedgerState | undefined;
  readonly isUp: boolean;
  readonly isReloadable: boolean;
  /** How long it may take to come back. */
  readonly restartMs: number;
  /** Rises with everything that happens to money. */
  readonly moves: number;
  readonly thresholds: number;
  readonly waiting: number;
  readonly crashes: number;
  /** By how much the ledger's clock was set forward without its being made good: silences may be shorter by this. */
  readonly hurriedMs: number;
  start(): void;
  crashIn(step: number): void;
  /** Its disk has no room for a while. */
  fill(forMs: number): void;
  restart(): Promise<void>;
  /** Sets the clock that the ledger goes by. */
  jump(ms: number): void;
  sleep(ms: number): void;
  /** Nothing goes wrong any more. */
  calm(): void;
  post(path: string, body: unknown): Promise<Answer<unknown>>;
  takeSpans(token: string, entries: readonly ObservedSpend[]): Promise<Answer<unknown>>;
  configure(budgets: readonly Budget[], done: () => void): void;
  raise(command: RaiseCommand): void;
  /** When all is quiet. Throws for what does not hold. */
  finish(): void;
}

const TURN_MS_MAX = 5;
/** What becomes of a ledger whose disk has failed, before it can be read again or after. */
const REVIVAL_CUT_RATE = 0.3;
const POWER_CUT_RATE = 0.3;

export class Processor implements Serving {
  readonly machine: Machine;
  readonly #options: ProcessorOptions;
  readonly #disk: CrashingDisk;
  readonly #acknowledged = new Acknowledged();
  readonly #firings = new Firings();
  readonly #spool: Spool;
  #life: Life;
  #ledger: StoredLedger | undefined;
  #service: LeaseService | undefined;
  #hasFailed = false;
  /** As a clean stop left it. */
  #left: readonly string[] | undefined;
  state: LedgerState | undefined;
  crashes = 0;
  /** It follows every step. */
  readonly hurriedMs = 0;

  constructor(options: ProcessorOptions) {
    this.#options = options;
    this.machine = new Machine(options.time);
    this.#life = new Life(this.machine);
    this.#spool = new Spool({ ...options, acknowledged: this.#acknowledged });
    this.#disk = new CrashingDisk(options.time, options.random, {
      onCrash: (step) => this.crash(step),
      errorRate: options.diskErrorRate,
      syncMsMax: options.syncMsMax,
      stepMsMax: options.stepMsMax,
    });
  }

  get isUp(): boolean {
    return this.#ledger !== undefined;
  }

  get isReloadable(): boolean {
    return this.isUp;
  }

  get restartMs(): number {
    return this.#options.restartMsMax;
  }

  get moves(): number {
    return this.#ledger?.stats().journalEvents ?? 0;
  }

  get thresholds(): number {
    return this.#firings.count;
  }

  get waiting(): number {
    return this.#ledger?.stats().acquiresWaiting ?? 0;
  }

  start(): void {
    const life = new Life(this.machine);
    this.#life = life;
    this.#hasFailed = false;
    const ledger = createLocalLedger({
      dir: "/ledger",
      budgets: this.#options.budgets(),
      clock: life.serviceClock,
      disk: this.#disk.open(),
      nextTurn: (fn) => this.#nextTurn(life, fn),
      random: () => this.#options.random.next(),
      leaseTtlMs: this.#options.ttlMs,
      graceMs: this.#options.graceMs,
      segmentBytesMax: this.#options.segmentBytesMax,
      onState: (state) => this.#lookInto(state),
      onNotice: (notice) => this.#onNotice(notice, life),
    });
    ledger.start().then(
      () => {
        if (!life.isDead) this.#serve(ledger, life);
      },
      (error: unknown) => {
        if (life.isDead) return;
        if (!isDiskError(error)) this.#options.fail(error);
        this.crash("start failed");
      },
    );
  }

  /** Dies at once. What its disk had not synced may be gone. */
  crash(where: string): void {
    this.#die(`crash: ${where}`);
    this.#disk.lose();
    this.crashes += 1;
  }

  /** Dies at the `step`th step of its disk from now. */
  crashIn(step: number): void {
    this.#disk.crashIn(step);
  }

  fill(forMs: number): void {
    this.#disk.fill(forMs);
  }

  jump(ms: number): void {
    this.machine.jump(ms);
  }

  sleep(ms: number): void {
    this.machine.sleep(ms);
  }

  finish(): void {
    if (!this.isUp) throw new Error("the processor never came back");
  }

  /** No more crashes and failing disks. */
  calm(): void {
    this.#disk.calm();
  }

  /** As by SIGTERM: what was done is on disk, to the last. */
  async restart(): Promise<void> {
    const { state } = this;
    const ledger = this.#ledger;
    const life = this.#life;
    if (ledger === undefined || state === undefined) return;
    this.#ledger = undefined;
    await ledger.stop().catch(this.#options.fail);
    if (life.isDead) return;
    // After a failed write memory is ahead of the disk.
    if (!this.#hasFailed) this.#left = snapshotLines(state);
    this.#die("stopped");
  }

  /** One request to `/v1/leases/*`. Never answers if it dies meanwhile. */
  post(path: string, body: unknown): Promise<Answer<unknown>> {
    if (!this.isUp || this.#service === undefined) return Promise.resolve(DOWN);
    return this.#service.post(path, body);
  }

  /** Puts other documents in force while it runs; `done` when that is acknowledged. */
  configure(budgets: readonly Budget[], done: () => void): void {
    this.#ask(async (ledger, life) => {
      await ledger.configure(budgets);
      if (!life.isDead) done();
    });
  }

  raise(command: RaiseCommand): void {
    this.#ask(async (ledger, life) => {
      const outcome = await ledger.raise(command);
      if (!life.isDead && outcome.outcome === "raised") this.#acknowledged.raised(outcome.raise);
    });
  }

  /** What a person asks: nobody asks again. */
  #ask(work: (ledger: StoredLedger, life: Life) => Promise<void>): void {
    const life = this.#life;
    if (this.#ledger === undefined) return;
    work(this.#ledger, life).catch((error: unknown) => {
      if (!(error instanceof LedgerError)) this.#options.fail(error);
    });
  }

  /** A batch of spans: acknowledged once it is spooled; the meter counts it at least once, under its token. */
  takeSpans(token: string, entries: readonly ObservedSpend[]): Promise<Answer<unknown>> {
    if (this.#ledger === undefined) return Promise.resolve(DOWN);
    this.#spool.add(token, entries);
    this.#spool.count(token, this.#ledger, this.#life);
    return Promise.resolve({ kind: "reply", reply: {} });
  }

  #serve(ledger: StoredLedger, life: Life): void {
    this.#ledger = ledger;
    this.#log("up");
    ledger.onRecall((processId, ids) => {
      if (!life.isDead) this.#options.onRecall(processId, ids);
    });
    ledger.onThreshold((crossing) => {
      if (life.isDead || !this.#options.areLimitsFixed) return;
      this.#log(`threshold ${crossing.key} ${crossing.threshold.atPercent}%`);
      try {
        this.#firings.add(crossing);
      } catch (error) {
        this.#options.fail(error);
      }
    });
    this.#service = new LeaseService({
      ledger,
      life,
      ttlMs: this.#options.ttlMs,
      acknowledged: this.#acknowledged,
      nowMs: () => this.#options.time.nowMs,
      log: (text) => this.#log(text),
      fail: this.#options.fail,
    });
    this.#spool.countAll(ledger, life);
  }

  /** What else comes by then is anybody's guess: nothing, or all of some milliseconds in which the loop was busy. */
  #nextTurn(life: Life, fn: () => void): () => void {
    const { time, random } = this.#options;
    const ms = random.chance(0.1) ? random.next() * TURN_MS_MAX : 0;
    return time.after(ms, () =>
      life.machine.whenAwake(() => {
        if (!life.isDead) fn();
      }),
    );
  }

  #lookInto(state: LedgerState): void {
    // After a failed disk: what memory had and the disk has not is gone, as after a crash.
    if (this.isUp) this.#options.onDown();
    this.state = state;
    const { time, graceMs } = this.#options;
    try {
      this.#acknowledged.check(state, { nowMs: time.nowMs, graceMs });
      this.#firings.check(state);
      if (this.#left !== undefined) compare(this.#left, snapshotLines(state));
    } catch (error) {
      this.#options.fail(error);
    }
    this.#left = undefined;
  }

  #onNotice(notice: LedgerNotice, life: Life): void {
    if (life.isDead) return;
    this.#log(notice.notice);
    if (notice.notice === "ledger_revived") {
      this.#hasFailed = false;
      // What it refused is tried until it counts.
      if (this.#ledger !== undefined) this.#spool.countAll(this.#ledger, life);
    }
    if (notice.notice !== "ledger_failed") return;
    this.#hasFailed = true;
    if (notice.error.cause instanceof InvariantError) this.#options.fail(notice.error.cause);
    const { random } = this.#options;
    // It refuses everything until it has read the disk again, which it tries by itself: and may die of, at each step. Or somebody restarts it.
    if (random.chance(REVIVAL_CUT_RATE)) this.#disk.crashIn(random.between(1, 40));
    else if (random.chance(POWER_CUT_RATE)) life.after(random.below(5000), () => this.crash("after a failed disk"));
    else if (random.chance(0.5)) life.after(random.below(5000), () => this.#die("killed after a failed disk"));
  }

  #die(why: string): void {
    this.#log(why);
    this.#life.isDead = true;
    this.#ledger = undefined;
    this.#service = undefined;
    this.#options.onDown();
    this.#options.time.after(this.#options.random.below(this.#options.restartMsMax), () =>
      this.machine.whenAwake(() => this.start()),
    );
  }

  #log(text: string): void {
    this.#options.trace.add(this.#options.time.nowMs, text);
  }
}

/** One that was put there, as it is or as what ended the journal. */
function isDiskError(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  return code === "EIO" || code === "ENOSPC" || (cause !== undefined && isDiskError(cause));
}

function compare(left: readonly string[], found: readonly string[]): void {
  for (const [index, line] of found.entries()) {
    if (line !== left[index]) throw new Error(`a restart reads\n${line}\nwhere memory had\n${left[index]}`);
  }
}
