/**
 * The ledger in the processor's own process: the engine's rules over a journal on disk. Memory changes first, in one step
 * without an await; the answer leaves when the journal has it. When the journal fails, memory may be ahead of the disk, so
 * nothing is answered any more until the disk has been read again, as by a restart: which is tried until it can be.
 */
import type { CancelTimer } from "../../support/clock.ts";
import { nextTurn as turnOfLoop } from "../../support/next-turn.ts";
import { isValidAmounts } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import { LedgerError } from "../ledger-error.ts";
import type { AcquireCommand, AcquireOutcome, BudgetState, LeaseClose, LeaseView } from "../ledger.ts";
import type { Observation, RaiseCommand, RaiseOutcome, ThresholdCrossing } from "../ledger.ts";
import type { LedgerPast, PastSeeking, PastWanted } from "../past.ts";
import { checkNames } from "../budget-document.ts";
import { applyEvent } from "../rules/apply.ts";
import { BudgetChanges } from "../rules/changes.ts";
import { raiseOutcome } from "../rules/raises.ts";
import { LedgerEngine, type Step } from "../rules/engine.ts";
import { encodeEvent, type LedgerEvent } from "../rules/events.ts";
import { pastWanted } from "../rules/past.ts";
import { eachBudgetState, firedThresholds, leaseView } from "../rules/views.ts";
import { OpenAcquires } from "../open-acquires.ts";
import { checkAcquire, checkRaise, checkAmounts, checkId } from "../check-command.ts";
import { beginEvents } from "./begin-events.ts";
import { nodeDisk } from "./disk.ts";
import { Journal } from "./journal.ts";
import { LedgerTime } from "./ledger-time.ts";
import type { LedgerNotice, LedgerStats, StoredLedger } from "../ledger-notice.ts";
import type { LocalLedgerOptions } from "./local-ledger-options.ts";
import { recover } from "./recover.ts";
import { Revival } from "./revival.ts";
import { snapshotLines } from "../rules/snapshot.ts";

const RECALL_INTERVAL_MS = 200;
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Not started yet. `start` locks the directory, replays the journal and puts the budgets in force; it throws `LedgerError`.
 * Throws `RangeError` for two budgets of one name: what is spent is kept by name.
 */
export function createLocalLedger(options: LocalLedgerOptions): StoredLedger & PastSeeking {
  checkNames(options.budgets);
  return new JournaledLedger(options);
}

/** What exists between start and stop. */
interface Running {
  readonly engine: LedgerEngine;
  readonly journal: Journal;
  readonly time: LedgerTime;
  readonly unlock: () => void;
  /** Monotonic ms. */
  readonly sinceMs: number;
}

type RecallListener = (processId: string, leaseIds: readonly string[]) => void;
type ThresholdListener = (crossing: ThresholdCrossing) => void;

class JournaledLedger implements StoredLedger, PastSeeking {
  readonly #options: LocalLedgerOptions;
  readonly #listeners = new Set<RecallListener>();
  readonly #thresholdListeners = new Set<ThresholdListener>();
  readonly #open = new OpenAcquires();
  readonly #changes = new BudgetChanges();
  #running: Running | undefined;
  #cancelWake: CancelTimer = () => {};
  #wakeAtMs = Number.POSITIVE_INFINITY;
  /** In force, or to be by the next start. */
  #budgets: readonly Budget[];
  #revival: Revival | undefined;

  constructor(options: LocalLedgerOptions) {
    this.#options = options;
    this.#budgets = options.budgets;
  }

  async start(): Promise<void> {
    const { dir, disk = nodeDisk } = this.#options;
    await disk.makeDirectory(dir);
    const unlock = disk.lock(dir);
    try {
      this.#run(await this.#load(unlock));
    } catch (error) {
      unlock();
      throw error;
    }
  }

  /** What the disk has, with the budgets in force. `isRenewed`: written anew, as the disk may have lost what it shows. */
  async #load(unlock: () => void, { isRenewed = false } = {}): Promise<Running> {
    const { dir, clock, disk = nodeDisk, onState, recallIntervalMs, seeksPast = false } = this.#options;
    const sinceMs = clock.monotonic();
    const recovered = await recover(disk, dir, (notice) => this.#notify(notice));
    const { state, segments, events } = recovered;
    onState?.(state);
    const journal = this.#createJournal(recovered, () => snapshotLines(state, { isCompact: true }));
    try {
      await journal.start();
      if (isRenewed) await journal.renew();
      const engine = new LedgerEngine(state, { recallIntervalMs: recallIntervalMs ?? RECALL_INTERVAL_MS, seeksPast });
      const time = new LedgerTime(clock, state.atMs);
      const begin = beginEvents(state, { ...this.#options, budgets: this.#budgets, nowMs: time.now() });
      for (const event of begin) applyEvent(state, event);
      await journal.append(begin.map(encodeEvent));
      if (segments > 0) {
        this.#notify({ notice: "journal_replayed", segments, events, ms: Math.round(clock.monotonic() - sinceMs) });
      }
      return { engine, journal, time, unlock, sinceMs };
    } catch (error) {
      await journal.stop();
      throw error;
    }
  }

  #run(running: Running, { isRevived = false } = {}): void {
    this.#running = running;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const { failure } = running.journal;
    // Its disk failed after the last of what a start waits for: there was nobody yet to be told.
    if (failure !== undefined) return this.#failed(running, failure);
    this.#arm(running);
    if (isRevived) this.#notify({ notice: "ledger_revived" });
  }

  /** What was asked and not answered may be on the disk: whoever asks again is told what is. */
  #failed(running: Running, error: LedgerError): void {
    this.#cancelWake();
    this.#open.refuseAll(error);
    this.#notify({ notice: "ledger_failed", error });
    this.#revival ??= new Revival({
      clock: this.#options.clock,
      random: this.#options.random,
      attempt: () => this.#revive(),
      onFailure: (why) => this.#notify({ notice: "ledger_failed", error: why }),
    });
    this.#revival.begin(running.sinceMs);
  }

  async #revive(): Promise<void> {
    const failed = this.#running;
    if (failed === undefined) return;
    await failed.journal.stop();
    const running = await this.#load(failed.unlock, { isRenewed: true });
    // It was stopped meanwhile.
    if (this.#running !== failed) return void (await running.journal.stop());
    this.#run(running, { isRevived: true });
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const revival = this.#revival;
    this.#running = undefined;
    this.#revival = undefined;
    this.#cancelWake();
    this.#open.refuseAll(new LedgerError("ledger_unavailable", "the ledger is stopping"));
    const isKnown = running.journal.failure !== undefined;
    try {
      await revival?.stop();
      const error = await running.journal.stop();
      if (error !== undefined && !isKnown) this.#notify({ notice: "ledger_failed", error });
    } finally {
      running.unlock();
    }
  }

  async configure(budgets: readonly Budget[]): Promise<void> {
    checkNames(budgets);
    await this.#step((engine, nowMs) => engine.configure(budgets, nowMs));
    this.#budgets = budgets;
  }

  async acquire(command: AcquireCommand): Promise<AcquireOutcome> {
    checkAcquire(command);
    const ticket = this.#open.ticket();
    const own: { outcome?: AcquireOutcome | undefined } = {};
    const durable = this.#step((engine, nowMs) => {
      const step = engine.acquire(command, ticket, nowMs);
      own.outcome = takeAnswer(step, ticket);
      return step;
    });
    // Nearly all are answered by their own step.
    if (own.outcome !== undefined) {
      await durable;
      return own.outcome;
    }
    // Awaited here: a promise that is returned as it is costs two turns more.
    return await this.#open.wait(ticket, durable);
  }

  async close(processId: string, leases: readonly LeaseClose[]): Promise<void> {
    checkId(processId, "process id");
    for (const { leaseId, settled } of leases) {
      checkId(leaseId, "lease id");
      checkAmounts(settled, "settled");
    }
    await this.#step((engine, nowMs) => engine.close(processId, leases, nowMs));
  }

  async observe(observation: Observation): Promise<void> {
    const entries = observation.entries.filter((entry) => isValidAmounts(entry.amounts));
    const refused = observation.entries.length - entries.length;
    const { token } = observation;
    if (refused > 0) this.#notify({ notice: "observation_refused", token, entries: refused });
    await this.#step((engine, nowMs) => engine.observe({ token, entries }, nowMs));
  }

  pastWanted(): PastWanted | undefined {
    const running = this.#require();
    return pastWanted(running.engine.state, running.time.now());
  }

  async seed(past: LedgerPast): Promise<void> {
    await this.#step((engine, nowMs) => engine.seed(past, nowMs));
  }

  budgets(): readonly BudgetState[] {
    return [...this.eachBudget()];
  }

  eachBudget(): Iterable<BudgetState> {
    const running = this.#require();
    return eachBudgetState(running.engine.state, running.time.now());
  }

  changedBudgets(max: number): readonly BudgetState[] {
    const { engine, time } = this.#require();
    return this.#changes.take(engine.state, { nowMs: time.now(), max });
  }

  async lease(leaseId: string): Promise<LeaseView | undefined> {
    return leaseView(this.#require().engine.state, leaseId);
  }

  labelKeys(): readonly string[] {
    return this.#require().engine.state.index.labelKeys;
  }

  async raise(command: RaiseCommand): Promise<RaiseOutcome> {
    checkRaise(command);
    let outcome: RaiseOutcome = { outcome: "unknown_budget" };
    await this.#step((engine, nowMs) => {
      outcome = raiseOutcome(engine.state, command, nowMs);
      return outcome.outcome === "raised" ? engine.raise(outcome.raise, nowMs) : engine.tick(nowMs);
    });
    return outcome;
  }

  configured(): readonly Pick<BudgetState, "name" | "measure" | "scope">[] {
    return this.#require().engine.state.budgets;
  }

  measures(): readonly BudgetState["measure"][] {
    return [...new Set(this.#require().engine.state.budgets.map(({ measure }) => measure))];
  }

  onRecall(listener: RecallListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onThreshold(listener: ThresholdListener): () => void {
    this.#thresholdListeners.add(listener);
    return () => this.#thresholdListeners.delete(listener);
  }

  firedThresholds(): readonly ThresholdCrossing[] {
    const running = this.#require();
    return firedThresholds(running.engine.state, running.time.now());
  }

  stats(): LedgerStats {
    const { engine, journal } = this.#require();
    return {
      leasesActive: engine.state.active.size,
      leasesExpired: engine.state.expired.size,
      acquiresWaiting: engine.waiting,
      journalBytes: journal.bytes,
      journalFlushes: journal.flushes,
      journalEvents: journal.events,
    };
  }

  #createJournal(
    at: { readonly segment: number; readonly offset: number; readonly previousBytes: number },
    snapshot: () => string[],
  ): Journal {
    const { dir, disk = nodeDisk, segmentBytesMax = SEGMENT_BYTES_MAX, nextTurn = turnOfLoop } = this.#options;
    const journal = new Journal({
      disk,
      dir,
      segment: at.segment,
      offset: at.offset,
      previousBytes: at.previousBytes,
      segmentBytesMax,
      nextTurn,
      snapshot,
      onFailure: (error) => {
        const running = this.#running;
        // One that is not in force yet says it to who starts it.
        if (running?.journal === journal) this.#failed(running, error);
      },
      onSnapshotFailure: (error) => this.#notify({ notice: "snapshot_failed", error }),
    });
    return journal;
  }

  /** Ledger time, after following a step of the wall clock. */
  #now(running: Running): number {
    const stepMs = running.time.takeStepMs();
    const nowMs = running.time.now();
    if (stepMs > 0) {
      const event: LedgerEvent = { event: "resumed", at: nowMs, shiftMs: stepMs };
      applyEvent(running.engine.state, event);
      this.#persist(running, [event]).catch(() => {});
      this.#notify({ notice: "clock_jumped", ms: stepMs });
    }
    return nowMs;
  }

  /** Runs one command. A broken invariant ends the ledger before anything that follows from it is written. */
  #step(command: (engine: LedgerEngine, nowMs: number) => Step): Promise<void> {
    const running = this.#running;
    if (running === undefined) return Promise.reject(notRunning());
    if (running.journal.failure !== undefined) return Promise.reject(running.journal.failure);
    try {
      return this.#carry(running, command(running.engine, this.#now(running)));
    } catch (error) {
      return Promise.reject(running.journal.fail(error));
    }
  }

  /** Makes a step durable, then gives its answers. Resolves when that is done. */
  #carry(running: Running, step: Step): Promise<void> {
    const { state } = running.engine;
    for (const event of step.events) {
      if (event.event !== "expired") continue;
      const processId = state.expired.get(event.id)?.processId ?? "";
      this.#notify({ notice: "lease_expired", leaseId: event.id, processId });
    }
    for (const overran of step.overran) this.#notify({ notice: "lease_overran", ...overran });
    for (const stray of step.strays) this.#notify({ notice: "report_stray", ...stray });
    for (const [processId, leaseIds] of step.recalls) {
      for (const listener of this.#listeners) listener(processId, leaseIds);
    }
    this.#arm(running);
    const durable = this.#persist(running, step.events);
    if (step.answers.length === 0 && step.crossings.length === 0) return durable;
    return durable.then(() => {
      for (const crossing of step.crossings) for (const listener of this.#thresholdListeners) listener(crossing);
      this.#open.answer(step);
    });
  }

  #persist(running: Running, events: readonly LedgerEvent[]): Promise<void> {
    return running.journal.append(events.map(encodeEvent));
  }

  /** One timer, set to when time alone will change something, or before: then it finds nothing, and is set anew. */
  #arm(running: Running): void {
    const wakeAtMs = running.engine.wakeAtMs();
    if (wakeAtMs >= this.#wakeAtMs) return;
    this.#cancelWake();
    this.#wakeAtMs = wakeAtMs;
    this.#cancelWake = this.#options.clock.setTimer(Math.max(0, wakeAtMs - running.time.now()), () => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      // A failed journal has told everybody who waits.
      this.#step((engine, nowMs) => engine.tick(nowMs)).catch(() => {});
    });
  }

  #require(): Running {
    if (this.#running === undefined) throw notRunning();
    return this.#running;
  }

  #notify(notice: LedgerNotice): void {
    this.#options.onNotice?.(notice);
  }
}

/** Takes the answer to this request out of what a step answers. */
function takeAnswer({ answers }: Step, ticket: number): AcquireOutcome | undefined {
  const at = answers.findIndex((answer) => answer.ticket === ticket);
  return at < 0 ? undefined : answers.splice(at, 1)[0]?.outcome;
}

function notRunning(): LedgerError {
  return new LedgerError("ledger_unavailable", "the ledger is not running");
}
