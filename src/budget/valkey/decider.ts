/**
 * Decides what this replica's commands bring about, and makes it durable: takes its turn, brings its state up to date, runs
 * all commands that wait through the engine, and appends what came out as one entry. Answers leave only once it is in the
 * log. When the log has moved on meanwhile (this replica was paused for longer than its turn), the state is read anew and
 * the commands are decided again; when the store is lost, they are refused, for nobody knows whether they were carried out.
 */
import type { CancelTimer, Clock } from "../../support/clock.ts";
import { LedgerError, toLedgerError } from "../ledger-error.ts";
import type { LedgerNotice } from "../ledger-notice.ts";
import type { EngineOptions, LedgerEngine, Step } from "../rules/engine.ts";
import { encodeEvent } from "../rules/events.ts";
import type { LedgerState } from "../rules/state.ts";
import type { Waiter } from "../rules/waiting.ts";
import { type Configuration, decideBatch, type Told } from "./decide-batch.ts";
import { type LedgerLog, TURN_MS } from "./ledger-log.ts";
import { LogCompaction } from "./log-compaction.ts";
import { Replica } from "./replica.ts";
import { HANDOVER_MS } from "./scripts.ts";
import { ServerTime } from "./server-time.ts";

/** Commands decided in one entry; what comes meanwhile makes the next. */
const BATCH_MAX = 512;
/** A turn is given up this long before the store would give it to another. */
const TURN_MARGIN_MS = 200;
const PING_MS = 1_000;
const PROBE_MS = 200;
/** How long news of other replicas gather before those who wait here are looked at again. */
const SERVE_MS = 10;
const RELOADS_MAX = 5;

/** One command: `run` may be called more than once, on engines of different states. */
export interface Work {
  readonly run: (engine: LedgerEngine, nowMs: number) => Step;
  readonly done: () => void;
  readonly fail: (error: Error) => void;
}

export interface DeciderOptions {
  readonly log: LedgerLog;
  readonly clock: Clock;
  readonly engine: EngineOptions;
  readonly logBytesMax: number;
  readonly configuration: () => Configuration;
  readonly tell: (told: Told) => void;
  /** Everything that waits for an answer is refused with this. */
  readonly refuseAll: (error: LedgerError) => void;
  readonly notify: (notice: LedgerNotice) => void;
}

export class Decider {
  readonly #options: DeciderOptions;
  readonly #time: ServerTime;
  readonly #compaction: LogCompaction;
  #replica: Replica;
  #pending: Work[] = [];
  #reads: { readonly done: () => void; readonly fail: (error: Error) => void }[] = [];
  #lost: LedgerError | undefined;
  #isStopped = false;
  #isRunning = false;
  #isTickDue = false;
  #hasNews = false;
  #isWanted = false;
  #gapMs = 0;
  #reloads = 0;
  /** Who waits here, as the other replicas know it. */
  #saidWaits = "[]";
  /** By the monotonic clock; 0: no turn. */
  #turnUntil = 0;
  #onTurn: () => void = () => {};
  #entries = 0;
  #cancelPing: CancelTimer = () => {};
  #cancelWake: CancelTimer = () => {};
  #cancelServe: CancelTimer | undefined;
  readonly counts = { bytes: 0, entries: 0, events: 0 };

  constructor(replica: Replica, options: DeciderOptions) {
    this.#replica = replica;
    this.#options = options;
    this.#time = new ServerTime(options.clock);
    this.#compaction = new LogCompaction(options);
    this.#armPing();
  }

  get engine(): LedgerEngine {
    return this.#replica.engine;
  }

  get state(): LedgerState {
    return this.#replica.engine.state;
  }

  nowMs(): number {
    return this.#time.now(this.state.atMs);
  }

  /** Resolves when the command is durable. */
  decide(run: Work["run"]): Promise<void> {
    return new Promise((done, fail) => {
      if (this.#lost !== undefined) return fail(this.#lost);
      this.#pending.push({ run, done, fail });
      this.#kick();
    });
  }

  /** Resolves when the state has all that any replica had acknowledged before the call. */
  catchUp(): Promise<void> {
    return new Promise((done, fail) => {
      if (this.#lost !== undefined) return fail(this.#lost);
      this.#reads.push({ done, fail });
      this.#kick();
    });
  }

  /** What the store's channel says. */
  hear(message: string): void {
    const { me } = this.#options.log;
    const [what, who] = message.split(" ");
    if (what === "rev" && who !== me) this.#hasNews = true;
    else if (what === "wanted" && who !== me) this.#isWanted = true;
    else if (what === "turn" && who === me) this.#takeUpTurn();
    else return;
    this.#kick();
  }

  async stop(): Promise<void> {
    const refused = new LedgerError("ledger_unavailable", "the ledger is stopping");
    this.#isStopped = true;
    this.#cancelPing();
    this.#refuse(refused);
    await this.#options.log.release().catch(() => {});
  }

  #kick(): void {
    if (this.#isRunning || this.#lost !== undefined || this.#isStopped) return;
    this.#isRunning = true;
    this.#work()
      .catch((error: unknown) => this.#lose(error))
      .finally(() => {
        this.#isRunning = false;
        if (this.#hasWork()) this.#kick();
      });
  }

  async #work(): Promise<void> {
    // Callers of one turn of the event loop make one entry.
    await Promise.resolve();
    while (this.#hasWork()) await this.#round();
    this.#arm();
  }

  #hasWork(): boolean {
    if (this.#lost !== undefined || this.#isStopped) return false;
    return this.#wantsTurn() || this.#hasNews || this.#reads.length > 0 || this.#isWanted;
  }

  #wantsTurn(): boolean {
    return this.#pending.length > 0 || this.#isTickDue || this.#gapMs > 0;
  }

  #hasTurn(): boolean {
    return this.#turnUntil > this.#options.clock.monotonic();
  }

  async #round(): Promise<void> {
    const hasTurn = this.#hasTurn();
    if (this.#wantsTurn() && !hasTurn) return this.#enter();
    if (this.#hasNews || this.#reads.length > 0) return this.#read();
    if (this.#wantsTurn()) return this.#commit();
    this.#isWanted = false;
    if (!hasTurn) return;
    this.#turnUntil = 0;
    return this.#options.log.release();
  }

  /** Another has handed its turn over. What it wrote last is news. */
  #takeUpTurn(): void {
    this.#turnUntil = this.#options.clock.monotonic() + HANDOVER_MS - TURN_MARGIN_MS;
    this.#hasNews = true;
    this.#onTurn();
  }

  async #read(): Promise<void> {
    await this.#bringUpToDate(async () => {
      const reading = await this.#options.log.read(this.#replica.rev);
      this.#heard(reading);
      return reading;
    });
    if (this.engine.waiting === 0) return;
    this.#cancelServe ??= this.#options.clock.setTimer(SERVE_MS, () => {
      this.#cancelServe = undefined;
      this.#isTickDue = true;
      this.#kick();
    });
  }

  /** `ask` tells what is new; those who wanted to know are told when it is taken in. */
  async #bringUpToDate(ask: () => Promise<Parameters<Replica["take"]>[0]>): Promise<void> {
    const reads = this.#reads;
    this.#reads = [];
    this.#hasNews = false;
    try {
      await this.#take(await ask());
      for (const { done } of reads) done();
    } catch (error) {
      for (const { fail } of reads) fail(toLedgerError(error));
      throw error;
    }
  }

  async #enter(): Promise<void> {
    const { log, clock } = this.#options;
    const askedAt = clock.monotonic();
    const { promise: called, resolve } = Promise.withResolvers<void>();
    this.#onTurn = resolve;
    let restMs = 0;
    await this.#bringUpToDate(async () => {
      const entered = await log.enter(this.#replica.rev);
      this.#heard(entered);
      if (entered.hasTurn) this.#turnUntil = askedAt + TURN_MS - TURN_MARGIN_MS;
      else restMs = Math.min(entered.restMs, TURN_MS) + 1;
      return entered;
    });
    if (this.#hasTurn()) return;
    const cancel = clock.setTimer(restMs, resolve);
    await called;
    cancel();
  }

  /** Applies what is new, all of it; reads everything anew where that can't be done. */
  async #take(first: Parameters<Replica["take"]>[0]): Promise<void> {
    let taken = this.#replica.take(first);
    while (taken === "more") taken = this.#replica.take(await this.#options.log.read(this.#replica.rev));
    if (taken === "current") return;
    await this.#reload(this.engine.queue());
  }

  /** `queue`: who waited before anything was decided that is not in the log. */
  async #reload(queue: readonly Waiter[]): Promise<void> {
    const { log, engine } = this.#options;
    const before = this.#replica;
    this.#turnUntil = 0;
    this.#replica = await Replica.load(log, engine);
    this.#noteLostWrites(before);
    this.engine.seat(queue);
    if (queue.length > 0) this.#isTickDue = true;
  }

  async #commit(): Promise<void> {
    const { log } = this.#options;
    const replica = this.#replica;
    const queue = this.engine.queue();
    const works = this.#pending.splice(0, BATCH_MAX);
    const isTick = this.#isTickDue;
    this.#isTickDue = false;
    try {
      const gapMs = this.#gapMs;
      const commands = works.map(({ run }) => run);
      if (isTick) commands.push((engine, nowMs) => engine.tick(nowMs));
      const batch = { commands, nowMs: this.nowMs(), gapMs, configuration: this.#options.configuration() };
      const { events, told } = decideBatch(this.engine, batch);
      const waits = JSON.stringify(this.engine.waits());
      const areWaitsNew = waits !== this.#saidWaits;
      if (events.length > 0 || areWaitsNew) {
        this.#entries += 1;
        const id = `${log.me}.${this.#entries}`;
        const text = events.map(encodeEvent).join("\n");
        const appended = await log.append(
          replica,
          { id, before: replica.lastId, events: text, waits: areWaitsNew ? waits : "" },
          gapMs,
        );
        this.#heard(appended);
        if (!appended.isAppended) return await this.#again(works, queue);
        replica.advance(id);
        this.#saidWaits = waits;
        this.#reloads = 0;
        if (!appended.keepsTurn) this.#turnUntil = 0;
        this.counts.bytes += text.length;
        this.counts.entries += 1;
        this.counts.events += events.length;
        this.#compaction.offer(replica, appended);
      }
      for (const each of told) this.#options.tell(each);
      for (const { done } of works) done();
    } catch (error) {
      // What was decided may be in the log or not, and the engine may be in the middle of a step.
      for (const { fail } of works) fail(toLedgerError(error));
      throw error;
    }
  }

  /** The log has moved on: nothing of what was decided counts, and it is decided again over what the log says. */
  async #again(works: readonly Work[], queue: readonly Waiter[]): Promise<void> {
    this.#reloads += 1;
    if (this.#reloads > RELOADS_MAX) throw new LedgerError("ledger_unavailable", "the ledger loses its turn each time");
    await this.#reload(queue);
    this.#pending.unshift(...works);
  }

  /** A store that comes back with less than it has acknowledged has forgotten grants: nothing here can make that good. */
  #noteLostWrites(before: Replica): void {
    const { epoch, rev } = this.#replica;
    if (before.epoch === "" || (epoch === before.epoch && rev >= before.rev)) return;
    this.#options.notify({
      notice: "store_lost_writes",
      acknowledged: before.rev,
      found: epoch === before.epoch ? rev : 0,
    });
  }

  #heard({ nowMs, gapMs }: { readonly nowMs: number; readonly gapMs: number }): void {
    this.#time.hear(nowMs);
    this.#gapMs = gapMs;
  }

  /** One timer, set to when time alone will change something. */
  #arm(): void {
    this.#cancelWake();
    if (this.#lost !== undefined || this.#isStopped) return;
    const waitMs = Math.max(1, this.engine.wakeAtMs() - this.nowMs());
    this.#cancelWake = this.#options.clock.setTimer(waitMs, () => {
      this.#isTickDue = true;
      this.#kick();
    });
  }

  /** Says that this replica is there, and finds out what the channel did not bring. */
  #armPing(): void {
    this.#cancelPing = this.#options.clock.setTimer(PING_MS, () => {
      this.#options.log
        .ping()
        .then((told) => {
          this.#heard(told);
          const { epoch, rev } = this.#replica;
          if (told.rev !== rev || told.epoch !== epoch) this.#hasNews = true;
          this.#kick();
        })
        .catch((error: unknown) => this.#lose(error))
        .finally(() => {
          if (!this.#isStopped) this.#armPing();
        });
    });
  }

  #lose(error: unknown): void {
    if (this.#lost !== undefined || this.#isStopped) return;
    const lost = toLedgerError(error);
    this.#refuse(lost);
    this.#options.notify({ notice: "store_lost", error: lost });
    this.#probeLater();
  }

  #refuse(error: LedgerError): void {
    this.#lost = error;
    this.#turnUntil = 0;
    this.#onTurn();
    this.#cancelWake();
    this.#cancelServe?.();
    this.#cancelServe = undefined;
    const pending = this.#pending;
    const reads = this.#reads;
    this.#pending = [];
    this.#reads = [];
    for (const { fail } of [...pending, ...reads]) fail(error);
    this.#options.refuseAll(error);
  }

  #probeLater(): void {
    this.#options.clock.setTimer(PROBE_MS, () => {
      if (this.#isStopped) return;
      this.#regain().catch(() => this.#probeLater());
    });
  }

  /** The state is read anew: what was under way when the store was lost may be in its log or not. */
  async #regain(): Promise<void> {
    const { log, engine, notify } = this.#options;
    const before = this.#replica;
    const replica = await Replica.load(log, engine);
    this.#heard(await log.ping());
    this.#replica = replica;
    this.#noteLostWrites(before);
    this.#saidWaits = "";
    this.#lost = undefined;
    this.#isTickDue = true;
    notify({ notice: "store_regained" });
    this.#kick();
  }
}
