/**
 * The processor under simulation: the real routes of `/v1/leases/*`, the real ledger, journal and recovery, on a disk that
 * forgets. It dies at steps of its disk and comes back; what it has acknowledged is remembered here and looked for in what a
 * restart finds (I5).
 */
import type { Answer } from "../../instrumentation/src/lease/transport.ts";
import { Access } from "../../src/api/access.ts";
import { ControlStreams } from "../../src/api/control.ts";
import { leaseRoutes } from "../../src/api/leases.ts";
import { ApiProblem } from "../../src/api/problem.ts";
import { ProcessTable } from "../../src/api/processes.ts";
import type { AnyRoute, RouteCall } from "../../src/api/route.ts";
import { StopDesk } from "../../src/api/stop-desk.ts";
import type { Budget } from "../../src/budget/budget.ts";
import type { Ledger, ObservedSpend, RaiseCommand } from "../../src/budget/ledger.ts";
import { LedgerError } from "../../src/budget/ledger-error.ts";
import type { LedgerNotice, StoredLedger } from "../../src/budget/ledger-notice.ts";
import { createLocalLedger } from "../../src/budget/local/create-local-ledger.ts";
import type { LedgerState } from "../../src/budget/rules/state.ts";
import { snapshotLines } from "../../src/budget/rules/snapshot.ts";
import { Acknowledgements } from "../../src/kill/acknowledgements.ts";
import { StopStore } from "../../src/kill/stop-store.ts";
import { AgentRegistry } from "../../src/policy/registry.ts";
import { InvariantError } from "../../src/support/assert.ts";
import { Telemetry } from "../../src/telemetry/telemetry.ts";
import type { Random } from "../support/random.ts";
import { Acknowledged } from "./acknowledged.ts";
import { CrashingDisk } from "./crashing-disk.ts";
import { Firings } from "./firings.ts";
import { Life, Machine } from "./machine.ts";
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
  readonly diskErrorRate: number;
  /** How long a restart takes, at most. */
  readonly restartMsMax: number;
  /** The documents of a start. */
  readonly budgets: () => readonly Budget[];
  /** Whether a threshold fires once a window: not where limits change. */
  readonly areLimitsFixed: boolean;
  readonly onRecall: (processId: string, leaseIds: readonly string[]) => void;
  readonly onDown: () => void;
  readonly fail: (error: unknown) => void;
}

const DOWN = { kind: "unreachable", reason: "ECONNREFUSED" } as const;
/** Shared: making one costs more than everything else of a start. */
const SILENT = new Telemetry({ level: "error", write: () => {} });
const CALLER = new Access({ agentKeys: undefined, peopleToken: "" }).agent(undefined);

export class Processor {
  readonly machine: Machine;
  readonly #options: ProcessorOptions;
  readonly #disk: CrashingDisk;
  readonly #acknowledged = new Acknowledged();
  readonly #firings = new Firings();
  /** Blocks of spans on disk that the meter has not marked done. */
  readonly #spool = new Map<string, readonly ObservedSpend[]>();
  #life: Life;
  #ledger: StoredLedger | undefined;
  #routes = new Map<string, AnyRoute>();
  #hasFailed = false;
  /** As a clean stop left it. */
  #left: readonly string[] | undefined;
  state: LedgerState | undefined;
  crashes = 0;

  constructor(options: ProcessorOptions) {
    this.#options = options;
    this.machine = new Machine(options.time);
    this.#life = new Life(this.machine);
    this.#disk = new CrashingDisk(options.time, options.random, {
      onCrash: (step) => this.crash(step),
      errorRate: options.diskErrorRate,
      syncMsMax: options.syncMsMax,
    });
  }

  get isUp(): boolean {
    return this.#ledger !== undefined;
  }

  /** How long it may take to come back. */
  get restartMs(): number {
    return this.#options.restartMsMax;
  }

  /** Rises with everything that happens to money. */
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
    const route = this.#routes.get(path);
    if (!this.isUp || route === undefined) return Promise.resolve(DOWN);
    const life = this.#life;
    return route
      .handle({ body, caller: CALLER } as RouteCall<unknown, unknown, unknown>)
      .then((reply): Answer<unknown> => ({ kind: "reply", reply }), answerOf)
      .catch((error: unknown) => {
        this.#options.fail(error);
        return DOWN;
      })
      .then((answer) => (life.isDead ? new Promise(() => {}) : answer));
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
    if (!this.isUp) return Promise.resolve(DOWN);
    if (!this.#spool.has(token)) this.#spool.set(token, entries);
    this.#meter(token);
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
    this.#routes = new Map(makeRoutes(this.#remembering(ledger, life), life, this.#options.ttlMs));
    for (const token of this.#spool.keys()) this.#meter(token);
  }

  /** The ledger, with every yes of it written down before it leaves. */
  #remembering(ledger: StoredLedger, life: Life): Ledger {
    const nowMs = (): number => this.#options.time.nowMs;
    const remembering: Pick<Ledger, "acquire" | "close"> = {
      acquire: async (command) => {
        this.#log(`acquire ${command.leaseId} seq ${command.seq} wants ${command.target.nanoUsd}`);
        const outcome = await ledger.acquire(command);
        if (life.isDead) return outcome;
        this.#log(`  ${command.leaseId} seq ${command.seq}: ${outcome.outcome}`);
        this.#acknowledged.acquired(command, outcome, nowMs());
        return outcome;
      },
      close: async (processId, leases) => {
        for (const { leaseId, settled } of leases) this.#log(`close ${leaseId} at ${settled.nanoUsd}`);
        await ledger.close(processId, leases);
        if (!life.isDead) this.#acknowledged.closed(leases, nowMs());
      },
    };
    return new Proxy(ledger, {
      get(target, key) {
        if (key === "acquire" || key === "close") return remembering[key];
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  }

  #meter(token: string): void {
    const entries = this.#spool.get(token);
    const life = this.#life;
    if (entries === undefined || this.#ledger === undefined) return;
    this.#ledger.observe({ token, entries }).then(
      () => {
        if (life.isDead) return;
        this.#acknowledged.observed(token);
        // Else the mark is lost, and the next start counts it again: under the same token.
        if (this.#options.random.chance(0.9)) this.#spool.delete(token);
      },
      (error: unknown) => {
        if (!(error instanceof LedgerError)) this.#options.fail(error);
      },
    );
  }

  #lookInto(state: LedgerState): void {
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
    if (notice.notice !== "ledger_failed") return;
    this.#hasFailed = true;
    if (notice.error.cause instanceof InvariantError) this.#options.fail(notice.error.cause);
    // It refuses everything until somebody restarts it.
    life.after(this.#options.random.below(5000), () => this.crash("after a failed disk"));
  }

  #die(why: string): void {
    this.#log(why);
    this.#life.isDead = true;
    this.#ledger = undefined;
    this.#routes = new Map();
    this.#options.onDown();
    this.#options.time.after(this.#options.random.below(this.#options.restartMsMax), () =>
      this.machine.whenAwake(() => this.start()),
    );
  }

  #log(text: string): void {
    this.#options.trace.add(this.#options.time.nowMs, text);
  }
}

function makeRoutes(ledger: Ledger, life: Life, leaseTtlMs: number): [string, AnyRoute][] {
  const clock = life.serviceClock;
  const access = new Access({ agentKeys: undefined, peopleToken: "" });
  const registry = new AgentRegistry({ agents: [], policies: [], prices: [], requirePolicy: false, fingerprint: "" });
  const processes = new ProcessTable(clock);
  const stops = new StopStore({ file: "/nothing", clock });
  const common = { ledger, processes, clock, telemetry: SILENT, leaseTtlMs, access, registry };
  const control = new ControlStreams({ ...common, governanceVersion: () => registry.version, stops: () => stops.list });
  const acknowledgements = new Acknowledgements(clock);
  const desk = new StopDesk({ ...common, store: stops, acknowledgements, control, recordChange: async () => {} });
  return leaseRoutes({ ...common, stops, desk }).map((route) => [route.url, route]);
}

/** What the instrumentation's HTTP transport makes of a problem. */
function answerOf(error: unknown): Answer<unknown> {
  const isProblem = error instanceof ApiProblem;
  if (!isProblem && !(error instanceof LedgerError)) throw error;
  const { code } = error;
  if (code === "lease_lost" || code === "process_unknown") return { kind: code };
  if (isProblem && error.status < 500) throw error;
  if (code === "invalid_command") throw error;
  return { kind: "unreachable", reason: code };
}

/** One that was put there, as it is or as what ended the journal. */
function isDiskError(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  return code === "EIO" || (cause !== undefined && isDiskError(cause));
}

function compare(left: readonly string[], found: readonly string[]): void {
  for (const [index, line] of found.entries()) {
    if (line !== left[index]) throw new Error(`a restart reads\n${line}\nwhere memory had\n${left[index]}`);
  }
}
