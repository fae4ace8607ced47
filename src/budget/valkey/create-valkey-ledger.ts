/**
 * The ledger in Valkey or Redis, for any number of processor replicas: the same rules as the local one, over a log of their
 * events that all replicas share. Each replica holds the whole state in memory and decides by turns; the store takes an entry
 * only from a replica that knew all before it, so two can never grant the same money. Money is added up here, as integers
 * of any size, and never in the store's scripts.
 */
import { mkdir } from "node:fs/promises";
import { isValidAmounts } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import { checkNames } from "../budget-document.ts";
import { checkAcquire, checkRaise, checkAmounts, checkId } from "../check-command.ts";
import { lockDirectory } from "../directory-lock.ts";
import type { SharedRecord } from "../../support/shared-record.ts";
import type { SharedTable } from "../../support/shared-table.ts";
import { LedgerError } from "../ledger-error.ts";
import type { LedgerStats, StoredLedger } from "../ledger-notice.ts";
import type { AcquireCommand, AcquireOutcome, BudgetState, LeaseClose, LeaseView } from "../ledger.ts";
import type { Observation, RaiseCommand, RaiseOutcome, ThresholdCrossing } from "../ledger.ts";
import type { LedgerPast, PastSeeking, PastWanted } from "../past.ts";
import { pastWanted } from "../rules/past.ts";
import { writeBudget } from "../rules/events.ts";
import { BudgetChanges } from "../rules/changes.ts";
import { raiseOutcome } from "../rules/raises.ts";
import { eachBudgetState, firedThresholds, leaseView } from "../rules/views.ts";
import { OpenAcquires } from "../open-acquires.ts";
import type { Configuration, Told } from "./decide-batch.ts";
import { Decider } from "./decider.ts";
import { LedgerLog } from "./ledger-log.ts";
import { Replica } from "./replica.ts";
import { type StoreConnection, StoreLink } from "./store-link.ts";
import { storeTable } from "./store-table.ts";
import { checkVersion, weakSettings } from "./store-settings.ts";
import type { TableSharing, ValkeyLedgerOptions } from "./valkey-ledger-options.ts";

const LEASE_TTL_MS = 30_000;
const GRACE_MS = 900_000;
const RECALL_INTERVAL_MS = 200;
const LOG_BYTES_MAX = 16 * 1024 * 1024;
/** What stands before a message that is not the ledger's own. */
const WORD = "word ";
/** What stands before the name of a table that somebody wrote to. */
const TABLE = "table ";

/**
 * Not started yet. `start` connects and puts the budgets in force for all replicas, if others were; it throws
 * `ledger_unavailable` when the store isn't there. Throws `RangeError` for two budgets of one name.
 */
export function createValkeyLedger(options: ValkeyLedgerOptions): StoredLedger & PastSeeking & RecordSharing {
  checkNames(options.budgets);
  return new ReplicatedLedger(options);
}

/** What exists between start and stop. */
interface Running {
  readonly link: StoreConnection;
  readonly log: LedgerLog;
  readonly decider: Decider;
  readonly unlock: () => void;
}

type RecallListener = (processId: string, leaseIds: readonly string[]) => void;
type ThresholdListener = (crossing: ThresholdCrossing) => void;

/** A ledger whose store keeps a text, and tables, for all replicas as well. */
export interface RecordSharing extends TableSharing {
  readonly record: SharedRecord;
}

/** Whether other processors share the ledger with this one. */
export function sharesRecords<T extends object>(ledger: T & Partial<RecordSharing>): ledger is T & RecordSharing {
  return ledger.record !== undefined;
}

class ReplicatedLedger implements StoredLedger, PastSeeking, RecordSharing {
  readonly #options: ValkeyLedgerOptions;
  readonly #recallListeners = new Set<RecallListener>();
  readonly #thresholdListeners = new Set<ThresholdListener>();
  readonly #wordListeners = new Set<(word: string) => void>();
  readonly #tableListeners = new Map<string, Set<() => void>>();
  readonly #open = new OpenAcquires();
  readonly record: SharedRecord = {
    read: async () => {
      const { link } = this.#require();
      const reply = await link.command(["HMGET", link.key("record"), "rev", "text"]);
      const [revision, text] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
      return typeof text === "string" ? { revision: Number(revision), text } : undefined;
    },
    write: async (text, after) => {
      const { link } = this.#require();
      const [isWritten] = await link.run("record", [text, String(after)], [link.key("record")]);
      return isWritten === 1;
    },
    say: async (word) => this.#require().link.say(WORD + word),
    onMessage: (listener) => {
      this.#wordListeners.add(listener);
      return () => this.#wordListeners.delete(listener);
    },
  };
  #configuration: Configuration;
  readonly #changes = new BudgetChanges();
  #running: Running | undefined;

  constructor(options: ValkeyLedgerOptions) {
    this.#options = options;
    const { budgets, leaseTtlMs: ttlMs = LEASE_TTL_MS, graceMs = GRACE_MS } = options;
    this.#configuration = { budgets, ttlMs, graceMs };
  }

  table(name: string): SharedTable {
    const listeners = this.#tableListeners.get(name) ?? new Set();
    this.#tableListeners.set(name, listeners);
    return storeTable({
      name,
      link: () => this.#require().link,
      onNews: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    });
  }

  async start(): Promise<void> {
    const { clock, logBytesMax = LOG_BYTES_MAX, onNotice } = this.#options;
    const { recallIntervalMs = RECALL_INTERVAL_MS, seeksPast = false } = this.#options;
    const engine = { recallIntervalMs, seeksPast };
    const unlock = await this.#lock();
    const { connect = (to) => new StoreLink(to), replica: me } = this.#options;
    const link = connect({ ...this.#options, onMessage: (message) => this.#hear(message) });
    try {
      await link.open();
      checkVersion(link.info);
      for (const weak of await weakSettings(link)) onNotice?.({ notice: "store_weak", ...weak });
      const log = new LedgerLog(link, me);
      const replica = await Replica.load(log, engine);
      const decider = new Decider(replica, {
        log,
        clock,
        engine,
        logBytesMax,
        configuration: () => this.#configuration,
        tell: (told) => this.#tell(told),
        refuseAll: (error) => this.#open.refuseAll(error),
        notify: (notice) => onNotice?.(notice),
      });
      this.#running = { link, log, decider, unlock };
      const budgets = await this.#options.budgetsAtStart?.(this);
      if (budgets !== undefined) {
        checkNames(budgets);
        this.#configuration = { ...this.#configuration, budgets };
      }
      await this.#putInForce();
    } catch (error) {
      if (this.#running !== undefined) await this.stop();
      else {
        link.close();
        unlock();
      }
      throw error;
    }
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    await running.decider.stop();
    running.link.close();
    running.unlock();
  }

  async configure(budgets: readonly Budget[]): Promise<void> {
    checkNames(budgets);
    this.#require();
    const before = this.#configuration;
    this.#configuration = { ...before, budgets };
    try {
      await this.#putInForce();
    } catch (error) {
      this.#configuration = before;
      throw error;
    }
  }

  async acquire(command: AcquireCommand): Promise<AcquireOutcome> {
    checkAcquire(command);
    const { decider } = this.#require();
    const ticket = this.#open.ticket();
    const step = decider.decide((engine, nowMs) => engine.acquire(command, ticket, nowMs));
    return this.#open.wait(ticket, step);
  }

  async close(processId: string, leases: readonly LeaseClose[]): Promise<void> {
    checkId(processId, "process id");
    for (const { leaseId, settled } of leases) {
      checkId(leaseId, "lease id");
      checkAmounts(settled, "settled");
    }
    await this.#require().decider.decide((engine, nowMs) => engine.close(processId, leases, nowMs));
  }

  async observe({ token, entries: all }: Observation): Promise<void> {
    const entries = all.filter((entry) => isValidAmounts(entry.amounts));
    const refused = all.length - entries.length;
    if (refused > 0) this.#options.onNotice?.({ notice: "observation_refused", token, entries: refused });
    await this.#require().decider.decide((engine, nowMs) => engine.observe({ token, entries }, nowMs));
  }

  pastWanted(): PastWanted | undefined {
    const { decider } = this.#require();
    return pastWanted(decider.state, decider.nowMs());
  }

  async seed(past: LedgerPast): Promise<void> {
    await this.#require().decider.decide((engine, nowMs) => engine.seed(past, nowMs));
  }

  budgets(): readonly BudgetState[] {
    return [...this.eachBudget()];
  }

  eachBudget(): Iterable<BudgetState> {
    const { decider } = this.#require();
    return eachBudgetState(decider.state, decider.nowMs());
  }

  changedBudgets(max: number): readonly BudgetState[] {
    const { decider } = this.#require();
    return this.#changes.take(decider.state, { nowMs: decider.nowMs(), max });
  }

  async lease(leaseId: string): Promise<LeaseView | undefined> {
    const { decider } = this.#require();
    await decider.catchUp();
    return leaseView(decider.state, leaseId);
  }

  labelKeys(): readonly string[] {
    return this.#require().decider.state.index.labelKeys;
  }

  async raise(command: RaiseCommand): Promise<RaiseOutcome> {
    checkRaise(command);
    let outcome: RaiseOutcome = { outcome: "unknown_budget" };
    await this.#require().decider.decide((engine, nowMs) => {
      outcome = raiseOutcome(engine.state, command, nowMs);
      return outcome.outcome === "raised" ? engine.raise(outcome.raise, nowMs) : engine.tick(nowMs);
    });
    return outcome;
  }

  configured(): readonly Pick<BudgetState, "name" | "measure" | "scope">[] {
    return this.#require().decider.state.budgets;
  }

  measures(): readonly BudgetState["measure"][] {
    return [...new Set(this.#require().decider.state.budgets.map(({ measure }) => measure))];
  }

  onRecall(listener: RecallListener): () => void {
    this.#recallListeners.add(listener);
    return () => this.#recallListeners.delete(listener);
  }

  onThreshold(listener: ThresholdListener): () => void {
    this.#thresholdListeners.add(listener);
    return () => this.#thresholdListeners.delete(listener);
  }

  firedThresholds(): readonly ThresholdCrossing[] {
    const { decider } = this.#require();
    return firedThresholds(decider.state, decider.nowMs());
  }

  stats(): LedgerStats {
    const { decider } = this.#require();
    return {
      leasesActive: decider.state.active.size,
      leasesExpired: decider.state.expired.size,
      acquiresWaiting: decider.engine.waiting,
      journalBytes: decider.counts.bytes,
      journalFlushes: decider.counts.entries,
      journalEvents: decider.counts.events,
    };
  }

  async #lock(): Promise<() => void> {
    const { dir } = this.#options;
    if (dir === undefined) return () => {};
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return lockDirectory(dir);
  }

  /** The last replica that starts, or is told of other documents, says which are in force; all replicas follow. */
  async #putInForce(): Promise<void> {
    const wanted = this.#configuration;
    await this.#require().decider.decide((engine, nowMs) => {
      const { budgets, ttlMs, graceMs } = engine.state;
      if (textOf(wanted) === textOf({ budgets, ttlMs, graceMs })) return engine.tick(nowMs);
      return engine.configure(wanted.budgets, nowMs, wanted);
    });
  }

  #tell({ step, expired }: Told): void {
    const { onNotice } = this.#options;
    for (const lease of expired) onNotice?.({ notice: "lease_expired", ...lease });
    for (const overran of step.overran) onNotice?.({ notice: "lease_overran", ...overran });
    for (const stray of step.strays) onNotice?.({ notice: "report_stray", ...stray });
    if (step.recalls.size > 0) {
      const recalls = Object.fromEntries(step.recalls);
      this.#recall(recalls);
      const { link, log } = this.#require();
      link.say(`recall ${log.me} ${JSON.stringify(recalls)}`).catch(() => {});
    }
    for (const crossing of step.crossings) for (const listener of this.#thresholdListeners) listener(crossing);
    this.#open.answer(step);
  }

  #hear(message: string): void {
    const running = this.#running;
    if (running === undefined) return;
    if (message.startsWith(WORD)) return this.#word(message.slice(WORD.length));
    if (message.startsWith(TABLE))
      return this.#tableListeners.get(message.slice(TABLE.length))?.forEach((tell) => tell());
    const recall = /^recall (\w+) (.*)$/.exec(message);
    if (recall === null) return running.decider.hear(message);
    if (recall[1] !== running.log.me) this.#recall(JSON.parse(recall[2] ?? "{}") as Recalls);
  }

  #word(word: string): void {
    for (const listener of this.#wordListeners) listener(word);
  }

  #recall(recalls: Recalls): void {
    for (const [processId, leaseIds] of Object.entries(recalls)) {
      for (const listener of this.#recallListeners) listener(processId, leaseIds);
    }
  }

  #require(): Running {
    if (this.#running === undefined) throw new LedgerError("ledger_unavailable", "the ledger is not running");
    return this.#running;
  }
}

type Recalls = Readonly<Record<string, readonly string[]>>;

function textOf({ budgets, ttlMs, graceMs }: Configuration): string {
  return JSON.stringify([budgets.map(writeBudget), ttlMs, graceMs]);
}
