/**
 * Several processors over one store, behind a balancer that mostly keeps a process at one of them: in the place of the one
 * processor with a disk. Processors and the store are killed, stopped, paused and cut off from one another; what was
 * acknowledged is looked for in the log that the store's disk has.
 */
import type { Answer } from "../../../instrumentation/src/lease/transport.ts";
import type { Budget } from "../../../src/budget/budget.ts";
import type { BudgetState, ObservedSpend, RaiseCommand, ThresholdCrossing } from "../../../src/budget/ledger.ts";
import type { StoredLedger } from "../../../src/budget/ledger-notice.ts";
import { GAP_MS } from "../../../src/budget/valkey/scripts.ts";
import { eachBudgetState } from "../../../src/budget/rules/views.ts";
import type { LedgerState } from "../../../src/budget/rules/state.ts";
import { Acknowledged } from "../acknowledged.ts";
import { Firings } from "../firings.ts";
import { DOWN } from "../lease-service.ts";
import { type Life, Machine } from "../machine.ts";
import type { ProcessorOptions, Serving } from "../processor.ts";
import { LEDGER_NAME, ReplicaNode } from "./replica-node.ts";
import { REPLY_TIMEOUT_MS } from "./simulated-link.ts";
import { SimulatedStore } from "./simulated-store.ts";

export interface ReplicasOptions extends ProcessorOptions {
  readonly replicas: number;
}

const CUT_MS_MAX = 8_000;
const PAUSE_MS_MAX = 5_000;

export class Replicas implements Serving {
  /** Of the balancer, which is never away. */
  readonly machine: Machine;
  readonly #options: ReplicasOptions;
  readonly #store: SimulatedStore;
  readonly #nodes: readonly ReplicaNode[];
  readonly #acknowledged = new Acknowledged();
  readonly #firings = new Firings();
  #isCalm = false;
  #configuring = 0;
  /** A replica's time lags behind the store's by as long as an answer was on its way: at the most as long as it waits for one. */
  hurriedMs = REPLY_TIMEOUT_MS;

  constructor(options: ReplicasOptions) {
    const { time, random, trace, segmentBytesMax, fail, syncMsMax } = options;
    this.#options = options;
    this.machine = new Machine(time);
    this.#store = new SimulatedStore({
      time,
      random,
      syncMsMax,
      logKey: `{tollgate:${LEDGER_NAME}}:log`,
      onWord: (text) => this.#nodes.forEach(({ link }) => link?.hear(text)),
      onDown: () => this.#nodes.forEach(({ link }) => link?.break()),
      fail,
    });
    const log = (text: string): void => trace.add(time.nowMs, text);
    this.#nodes = Array.from({ length: options.replicas }, (_, index) => {
      const node: ReplicaNode = new ReplicaNode({
        ...options,
        name: `r${index}`,
        store: this.#store,
        acknowledged: this.#acknowledged,
        logBytesMax: segmentBytesMax,
        // A process hears recalls from the processor that it listens to.
        onRecall: (processId, ids) => {
          if (this.#homeOf(processId) === node) options.onRecall(processId, ids);
        },
        onThreshold: (crossing) => this.#onThreshold(crossing),
        log,
      });
      return node;
    });
  }

  get state(): LedgerState {
    return this.#store.truth;
  }

  get isUp(): boolean {
    return this.#nodes.some((node) => node.isUp);
  }

  get restartMs(): number {
    return this.#options.restartMsMax;
  }

  get moves(): number {
    return this.#store.rev;
  }

  get thresholds(): number {
    return this.#firings.count;
  }

  get crashes(): number {
    return this.#nodes.reduce((sum, { crashes }) => sum + crashes, this.#store.crashes);
  }

  get waiting(): number {
    return this.#nodes.reduce((sum, { ledger }) => sum + (ledger?.stats().acquiresWaiting ?? 0), 0);
  }

  start(): void {
    for (const node of this.#nodes) node.start();
  }

  /** One of them dies, or the store, or both. */
  crashIn(ms: number): void {
    const { random, time } = this.#options;
    time.after(ms, () => {
      if (this.#isCalm) return;
      const what = random.below(4);
      if (what !== 0) random.pick(this.#nodes).kill("crash");
      if (what < 2) this.#crashStore();
    });
  }

  /** Its disk is the store's. */
  fill(): void {}

  /** One of them is stopped, or paused, or cut off from the store for a while. */
  async restart(): Promise<void> {
    const { random, time } = this.#options;
    const node = random.pick(this.#nodes);
    if (random.chance(0.3)) return node.restart();
    if (random.chance(0.5)) return node.machine.sleep(random.below(PAUSE_MS_MAX));
    const { link } = node;
    if (link === undefined) return;
    link.isCut = true;
    time.after(random.below(CUT_MS_MAX), () => {
      if (random.chance(0.5)) link.break();
      link.isCut = false;
    });
  }

  /** The store's clock is set. */
  jump(ms: number): void {
    this.#store.machine.jump(ms);
    if (ms > 0 && ms <= GAP_MS) this.hurriedMs += ms;
  }

  /** One of them is paused, or the store is. */
  sleep(ms: number): void {
    const { random } = this.#options;
    const machines = [this.#store.machine, ...this.#nodes.map(({ machine }) => machine)];
    random.pick(machines).sleep(ms);
  }

  calm(): void {
    this.#isCalm = true;
    for (const { link } of this.#nodes) if (link !== undefined) link.isCut = false;
  }

  post(path: string, body: unknown): Promise<Answer<unknown>> {
    return this.#at(this.#pick((body as { readonly process_id: string }).process_id), (node) => node.post(path, body));
  }

  takeSpans(token: string, entries: readonly ObservedSpend[]): Promise<Answer<unknown>> {
    return this.#at(this.#options.random.pick(this.#nodes), (node) => node.takeSpans(token, entries));
  }

  configure(budgets: readonly Budget[], done: () => void): void {
    this.#ask(async (ledger, life) => {
      this.#configuring += 1;
      try {
        await ledger.configure(budgets);
      } finally {
        this.#configuring -= 1;
      }
      if (!life.isDead) done();
    });
  }

  raise(command: RaiseCommand): void {
    this.#ask(async (ledger, life) => {
      const outcome = await ledger.raise(command);
      if (!life.isDead && outcome.outcome === "raised") this.#acknowledged.raised(outcome.raise);
    });
  }

  /** Documents of two kinds on their way at once end as whichever comes last: people wait for one to be there. */
  get isReloadable(): boolean {
    return this.#configuring === 0 && this.#nodes.every((node) => node.isUp);
  }

  /** When all is quiet: what every replica says is what the log comes to. */
  finish(): void {
    this.#checkAcknowledged();
    const wanted = this.#sums([...eachBudgetState(this.state, this.state.atMs)]);
    for (const { ledger } of this.#nodes) {
      if (ledger === undefined) throw new Error("a replica never came back");
      const found = this.#sums(ledger.budgets());
      if (found !== wanted) throw new Error(`a replica says\n${found}\nwhere the log has\n${wanted}`);
    }
  }

  /** Of budgets without an end: others turn while nobody looks. */
  #sums(budgets: readonly BudgetState[]): string {
    return budgets
      .filter(({ windowEndMs }) => windowEndMs === undefined)
      .map(
        ({ name, scope, settled, reserved, limit }) =>
          `${name} ${JSON.stringify(scope)} ${settled} ${reserved} ${limit}`,
      )
      .sort()
      .join("\n");
  }

  #crashStore(): void {
    const { random, restartMsMax } = this.#options;
    this.#store.crash(random.below(restartMsMax));
    this.#checkAcknowledged();
  }

  #checkAcknowledged(): void {
    const { time, graceMs, fail } = this.#options;
    try {
      this.#acknowledged.check(this.state, { nowMs: time.nowMs, graceMs });
      this.#firings.check(this.state);
    } catch (error) {
      fail(error);
    }
  }

  #onThreshold(crossing: ThresholdCrossing): void {
    const { areLimitsFixed, fail, time, trace } = this.#options;
    if (!areLimitsFixed) return;
    trace.add(time.nowMs, `threshold ${crossing.key} ${crossing.threshold.atPercent}%`);
    try {
      this.#firings.add(crossing);
    } catch (error) {
      fail(error);
    }
  }

  #ask(work: (ledger: StoredLedger, life: Life) => Promise<void>): void {
    const up = this.#nodes.filter((node) => node.isUp);
    if (up.length > 0) this.#options.random.pick(up).ask(work);
  }

  #homeOf(id: string): ReplicaNode {
    return (
      this.#nodes[Number.parseInt(id.slice(-4), 16) % this.#nodes.length] ?? this.#options.random.pick(this.#nodes)
    );
  }

  /** Mostly the same one; another where that is away, once the balancer has noticed. */
  #pick(id: string): ReplicaNode {
    const { random } = this.#options;
    const home = this.#homeOf(id);
    const isKept = random.chance(home.isUp ? 0.9 : 0.3);
    return isKept ? home : random.pick(this.#nodes);
  }

  #at(node: ReplicaNode, act: (node: ReplicaNode) => Promise<Answer<unknown>>): Promise<Answer<unknown>> {
    if (!node.isUp) return Promise.resolve(DOWN);
    return new Promise((resolve) => node.machine.whenAwake(() => void act(node).then(resolve)));
  }
}
