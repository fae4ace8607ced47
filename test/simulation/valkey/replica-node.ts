/** One processor of several under simulation: the real routes and the real ledger over the simulated store. */
import type { Answer } from "../../../instrumentation/src/lease/transport.ts";
import type { Budget } from "../../../src/budget/budget.ts";
import type { ObservedSpend, ThresholdCrossing } from "../../../src/budget/ledger.ts";
import type { LedgerError } from "../../../src/budget/ledger-error.ts";
import type { LedgerNotice, StoredLedger } from "../../../src/budget/ledger-notice.ts";
import { createValkeyLedger } from "../../../src/budget/valkey/create-valkey-ledger.ts";
import type { Random } from "../../support/random.ts";
import type { Acknowledged } from "../acknowledged.ts";
import { DOWN, LeaseService } from "../lease-service.ts";
import { Life, Machine } from "../machine.ts";
import { Spool } from "../spool.ts";
import type { VirtualTime } from "../virtual-time.ts";
import { SimulatedLink } from "./simulated-link.ts";
import type { SimulatedStore } from "./simulated-store.ts";

export interface ReplicaNodeOptions {
  readonly name: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly store: SimulatedStore;
  readonly acknowledged: Acknowledged;
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly logBytesMax: number;
  readonly restartMsMax: number;
  readonly budgets: () => readonly Budget[];
  readonly onRecall: (processId: string, leaseIds: readonly string[]) => void;
  readonly onCount: (token: string, entries: readonly ObservedSpend[]) => void;
  readonly onThreshold: (crossing: ThresholdCrossing) => void;
  readonly onDown: () => void;
  readonly log: (text: string) => void;
  readonly fail: (error: unknown) => void;
}

/** The name of the ledger in the store. */
export const LEDGER_NAME = "simulated";

export class ReplicaNode {
  readonly machine: Machine;
  link: SimulatedLink | undefined;
  crashes = 0;
  readonly #options: ReplicaNodeOptions;
  readonly #spool: Spool;
  #life: Life;
  #ledger: StoredLedger | undefined;
  #service: LeaseService | undefined;
  #starts = 0;

  constructor(options: ReplicaNodeOptions) {
    this.#options = options;
    this.machine = new Machine(options.time);
    this.#life = new Life(this.machine);
    this.#spool = new Spool(options);
  }

  get isUp(): boolean {
    return this.#ledger !== undefined;
  }

  get ledger(): StoredLedger | undefined {
    return this.#ledger;
  }

  start(): void {
    const { name, time, random, store, ttlMs, graceMs, logBytesMax, budgets, fail } = this.#options;
    const life = new Life(this.machine);
    this.#life = life;
    this.#starts += 1;
    const ledger = createValkeyLedger({
      url: "redis://simulated",
      name: LEDGER_NAME,
      replica: `${name}x${this.#starts}`,
      budgets: budgets(),
      clock: life.serviceClock,
      leaseTtlMs: ttlMs,
      graceMs,
      logBytesMax,
      connect: (link) => (this.link = new SimulatedLink({ time, random, store, life, link })),
      onNotice: (notice) => this.#onNotice(notice, life),
    });
    ledger.start().then(
      () => {
        if (!life.isDead) this.#serve(ledger, life);
      },
      (error: unknown) => {
        if (life.isDead) return;
        if (isFault(error)) fail(error);
        this.kill("start failed");
      },
    );
  }

  /** By SIGKILL. */
  kill(why: string): void {
    this.crashes += 1;
    this.#die(why);
  }

  /** As by SIGTERM. */
  async restart(): Promise<void> {
    const ledger = this.#ledger;
    const life = this.#life;
    if (ledger === undefined) return;
    this.#ledger = undefined;
    await ledger.stop().catch(this.#options.fail);
    if (!life.isDead) this.#die("stopped");
  }

  post(path: string, body: unknown): Promise<Answer<unknown>> {
    if (!this.isUp || this.#service === undefined) return Promise.resolve(DOWN);
    return this.#service.post(path, body);
  }

  takeSpans(token: string, entries: readonly ObservedSpend[]): Promise<Answer<unknown>> {
    if (this.#ledger === undefined) return Promise.resolve(DOWN);
    this.#spool.add(token, entries);
    this.#spool.count(token, this.#ledger, this.#life);
    return Promise.resolve({ kind: "reply", reply: {} });
  }

  /** What a person asks: nobody asks again. */
  ask(work: (ledger: StoredLedger, life: Life) => Promise<void>): void {
    if (this.#ledger === undefined) return;
    work(this.#ledger, this.#life).catch((error: unknown) => {
      if (isFault(error)) this.#options.fail(error);
    });
  }

  /** What could not be counted while the store was away. */
  countSpool(): void {
    if (this.#ledger !== undefined) this.#spool.countAll(this.#ledger, this.#life);
  }

  #serve(ledger: StoredLedger, life: Life): void {
    const { onRecall, onThreshold, ttlMs, acknowledged, time, log, fail } = this.#options;
    this.#ledger = ledger;
    log(`${this.#options.name} up`);
    ledger.onRecall((processId, ids) => {
      if (!life.isDead) onRecall(processId, ids);
    });
    ledger.onThreshold((crossing) => {
      if (!life.isDead) onThreshold(crossing);
    });
    this.#service = new LeaseService({ ledger, life, ttlMs, acknowledged, nowMs: () => time.nowMs, log, fail });
    this.#spool.countAll(ledger, life);
  }

  #onNotice(notice: LedgerNotice, life: Life): void {
    if (life.isDead) return;
    this.#options.log(`${this.#options.name} ${notice.notice}`);
    if (notice.notice === "store_lost_writes") this.#options.fail(new Error("the store lost what it acknowledged"));
    if (notice.notice === "store_lost" && isFault(notice.error)) this.#options.fail(notice.error);
    if (notice.notice === "store_regained") this.countSpool();
  }

  #die(why: string): void {
    const { log, name, time, random, restartMsMax, onDown } = this.#options;
    log(`${name} ${why}`);
    this.#life.isDead = true;
    this.link?.close();
    this.#ledger = undefined;
    this.#service = undefined;
    onDown();
    time.after(random.below(restartMsMax), () => this.machine.whenAwake(() => this.start()));
  }
}

/** Anything but a store that is away. */
function isFault(error: unknown): boolean {
  const { code, cause } = error as Partial<LedgerError>;
  return code !== "ledger_unavailable" || cause !== undefined;
}
