/**
 * A fleet, a processor and a network between them in virtual time, all from one seed. After each event that moved money:
 * S, R and S + R ≤ L computed anew, what agents believe in against what is set aside, and the oracle's own sums.
 */
import { fitsWithin } from "../../src/budget/amounts.ts";
import { settledAt } from "../../src/budget/rules/spend.ts";
import { Random } from "../support/random.ts";
import { Agent } from "./agent.ts";
import { checkState } from "./check-state.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import type { LedgerState } from "../../src/budget/rules/state.ts";
import { Oracle } from "./oracle.ts";
import { People } from "./people.ts";
import { Processor, type Serving } from "./processor.ts";
import type { Scenario } from "./scenario.ts";
import { Trace } from "./trace.ts";
import { Replicas } from "./valkey/replicas.ts";
import { VirtualTime } from "./virtual-time.ts";

const CALM = { lossRate: 0, doubleRate: 0.02, delayMs: 5, slowMs: 20 };
/** Far more than thousands of agents make of one millisecond. */
const INSTANT_EVENTS_MAX = 50_000;
const DISK_FULL_MS_MAX = 10_000;
/** More than a call waits and a client keeps trying. */
const CLOSE_MS = 60_000;

/** Resolves when all promises have gone as far as they go by themselves. Nothing else in a world waits for the real event loop. */
export type Settled = () => Promise<void>;

const turnOfLoop: Settled = () => new Promise((resolve) => setImmediate(resolve));

export interface Outcome {
  readonly digest: string;
  readonly events: number;
  readonly calls: number;
  readonly refused: number;
  readonly unavailable: number;
  readonly crashes: number;
  readonly thresholds: number;
}

export class World {
  readonly #scenario: Scenario;
  readonly #settled: Settled;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #trace = new Trace();
  readonly #oracle: Oracle;
  readonly #people: People;
  #stateSeen: LedgerState | undefined;
  readonly #network: Network;
  readonly #processor: Serving;
  readonly #agents: Agent[] = [];
  readonly #ended: Agent[] = [];
  readonly #settledBefore = new Map<string, bigint>();
  #failure: Error | undefined;
  #isOver = false;
  #events = 0;
  #movesChecked = 0;
  #instantMs = 0;
  #instantEvents = 0;
  #names = 0;

  constructor(scenario: Scenario, settled: Settled = turnOfLoop) {
    this.#scenario = scenario;
    this.#settled = settled;
    this.#time = new VirtualTime(scenario.startMs);
    this.#random = new Random(scenario.seed);
    const { budgets, ttlMs, graceMs, weather } = scenario;
    const hurriedMs = (): number => this.#processor.hurriedMs;
    this.#oracle = new Oracle({ budgets, ttlMs, graceMs, hurriedMs, now: () => this.#time.nowMs });
    this.#people = new People({
      scenario,
      random: this.#random,
      time: this.#time,
      oracle: this.#oracle,
      processor: () => this.#processor,
    });
    const fail = (error: unknown): void => this.#fail(error);
    const options = {
      ...scenario,
      time: this.#time,
      random: this.#random,
      trace: this.#trace,
      restartMsMax: scenario.restartMsMax ?? this.#random.pick([100, 5000, 40_000]),
      budgets: () => this.#people.documents(),
      onCount: this.#oracle.spansCounted.bind(this.#oracle),
      onRecall: (processId: string, ids: readonly string[]) => this.#recall(processId, ids),
      onDown: () => {
        this.#settledBefore.clear();
        this.#network.breakAll();
      },
      fail,
    };
    this.#processor = scenario.replicas === 0 ? new Processor(options) : new Replicas(options);
    this.#network = new Network({ time: this.#time, random: this.#random, server: this.#processor.machine, weather });
  }

  /** Throws what did not hold. */
  async run(): Promise<Outcome> {
    const { startMs, durationMs, agents } = this.#scenario;
    this.#processor.start();
    for (const labels of agents) this.#addAgent(labels, new Machine(this.#time, this.#rate()));
    this.#scheduleMishap();
    await this.#runUntil(startMs + durationMs);
    await this.#quiesce();
    return this.#finish();
  }

  /** What did not hold, and what happened before. */
  explain(message: string): string {
    return `${this.#trace.named(message)}\n${this.#trace.tail()}`;
  }

  /** Nobody wants anything any more, the network is whole, and time goes by until all is settled or given up. */
  async #quiesce(): Promise<void> {
    const { ttlMs, graceMs } = this.#scenario;
    this.#isOver = true;
    this.#network.weather = CALM;
    this.#processor.calm();
    for (const agent of [...this.#agents, ...this.#ended]) agent.link.isCut = false;
    this.#ended.push(...this.#agents.splice(0).filter((agent) => !agent.isDead));
    // Whoever sleeps wakes first.
    await this.#runUntil(this.#time.nowMs + this.#sleepMsMax() + 1000);
    for (const agent of this.#ended) void agent.end().catch((error: unknown) => this.#fail(error));
    const untilMs = this.#time.nowMs + CLOSE_MS + this.#processor.restartMs;
    while (this.#ended.some((agent) => !agent.isDead)) {
      if (this.#time.nowMs > untilMs) throw new Error("an agent could not close its leases");
      await this.#runUntil(this.#time.nowMs + 1000);
      for (const agent of this.#ended) {
        if (agent.isDead) continue;
        if (agent.isClosed && !agent.isBusy) agent.link.life.isDead = true;
        else void agent.giveBack().catch((error: unknown) => this.#fail(error));
      }
    }
    // The time of a ledger whose clock was set back runs at half its speed.
    const slowed = this.#scenario.isClockTrue ? 1 : 2;
    for (const ms of [ttlMs, graceMs, 61_000]) await this.#runUntil(this.#time.nowMs + (ms + 1000) * slowed);
  }

  #finish(): Outcome {
    const { state } = this.#processor;
    this.#processor.finish();
    if (state === undefined) throw new Error("the processor never started");
    this.#check();
    for (const spend of state.spends.values()) {
      if (spend.reserved !== 0n) throw new Error(`R of ${spend.key} is ${spend.reserved} when all are done`);
    }
    if (state.active.size + state.expired.size > 0) throw new Error("leases are left when all are done");
    if (this.#processor.waiting > 0) throw new Error("somebody waits when all are done");
    const settled = [...state.spends].map(
      ([key, spend]) => [this.#people.names.key(key), settledAt(spend, state.atMs)] as const,
    );
    this.#oracle.checkSettled(new Map(settled));
    if (!this.#scenario.isWild && this.#scenario.isClockTrue) this.#oracle.checkWindows();
    const agents = [...this.#ended, ...this.#agents];
    const sum = (of: (agent: Agent) => number): number => agents.reduce((total, agent) => total + of(agent), 0);
    return {
      digest: this.#trace.digest(),
      events: this.#events,
      calls: sum(({ calls }) => calls),
      refused: sum(({ refused }) => refused),
      unavailable: sum(({ unavailable }) => unavailable),
      crashes: this.#processor.crashes,
      thresholds: this.#processor.thresholds,
    };
  }

  async #runUntil(untilMs: number): Promise<void> {
    for (let fn = this.#time.next(untilMs); fn !== undefined; fn = this.#time.next(untilMs)) {
      fn();
      this.#events += 1;
      this.#guardTime();
      await this.#settled();
      this.#trace.note(`${this.#time.nowMs} ${this.#processor.moves}`);
      if (this.#events % this.#scenario.checkEvery === 0 && this.#hasMoved()) this.#check();
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  /** Something that happens again and again at one instant would go on for ever. */
  #guardTime(): void {
    if (this.#time.nowMs >= this.#instantMs + 1) {
      this.#instantMs = this.#time.nowMs;
      this.#instantEvents = 0;
    }
    this.#instantEvents += 1;
    if (this.#instantEvents > INSTANT_EVENTS_MAX) throw new Error("time stands still: something never ends");
  }

  /** Most things that happen move no money: timers, messages under way. */
  #hasMoved(): boolean {
    const moves = this.#processor.moves + this.#oracle.moves;
    const hasMoved = moves !== this.#movesChecked;
    this.#movesChecked = moves;
    return hasMoved;
  }

  #check(): void {
    const { state } = this.#processor;
    if (state === undefined || !this.#processor.isUp) return;
    const { isWild, replicas } = this.#scenario;
    if (replicas === 0 && state !== this.#stateSeen) {
      this.#stateSeen = state;
      this.#oracle.restarted();
    }
    const { names } = this.#people;
    checkState(state, ({ key, budget }) =>
      isWild ? undefined : this.#oracle.most({ key: names.key(key), budget: names.budget(budget) }),
    );
    if (!isWild) {
      this.#oracle.checkLeases(state);
      this.#oracle.checkNow();
    }
    for (const agent of this.#agents) this.#checkBelief(agent);
    for (const [key, spend] of state.spends) {
      if (spend.budget.window.kind !== "lifetime") continue;
      const before = this.#settledBefore.get(key) ?? 0n;
      if (spend.settled < before) throw new Error(`S of ${key} fell from ${before} to ${spend.settled}`);
      this.#settledBefore.set(key, spend.settled);
    }
  }

  /** What a process thinks it may spend is set aside. */
  #checkBelief(agent: Agent): void {
    const { state } = this.#processor;
    if (agent.isDead || state === undefined) return;
    for (const lease of agent.leases()) {
      if (!lease.isAlive || lease.isUnlimited) continue;
      const held = state.active.get(lease.id) ?? state.expired.get(lease.id);
      if (held === undefined || !fitsWithin(lease.books.granted, held.granted)) {
        throw new Error(`${agent.name} believes in money of ${lease.id} that the ledger has not set aside`);
      }
    }
  }

  #addAgent(labels: Agent["labels"], machine: Machine): void {
    this.#names += 1;
    const agent = new Agent({
      name: `p${this.#names}`,
      machine,
      random: this.#random,
      network: this.#network,
      processor: this.#processor,
      oracle: this.#oracle,
      labels,
      habits: this.#scenario.habits,
      fail: (error) => this.#fail(error),
    });
    this.#agents.push(agent);
    this.#scheduleCall(agent);
  }

  #scheduleCall(agent: Agent): void {
    const { callEveryMs } = this.#scenario;
    // In bursts, as agents do.
    const ms = this.#random.chance(0.3) ? this.#random.below(20) : this.#random.below(callEveryMs * 2);
    this.#time.after(ms, () => {
      if (agent.isDead || this.#isOver) return;
      agent.call();
      this.#scheduleCall(agent);
    });
  }

  #scheduleMishap(): void {
    const { mishaps, mishapEveryMs } = this.#scenario;
    if (mishaps.length === 0) return;
    this.#time.after(this.#random.below(mishapEveryMs * 2), () => {
      if (this.#isOver) return;
      this.#mishap();
      this.#scheduleMishap();
    });
  }

  #mishap(): void {
    const random = this.#random;
    const mishap = random.pick(this.#scenario.mishaps);
    const agent = this.#agents.length === 0 ? undefined : random.pick(this.#agents);
    this.#trace.add(this.#time.nowMs, `${mishap} ${agent?.name ?? ""}`);
    switch (mishap) {
      case "crash":
        this.#processor.crashIn(random.between(1, 12));
        break;
      case "restart":
        void this.#processor.restart();
        break;
      case "disk full":
        this.#processor.fill(random.below(DISK_FULL_MS_MAX));
        break;
      case "ledger jump":
        this.#processor.jump(random.pick([-3_600_000, -500, 500, 5000, 3_600_000]));
        break;
      case "ledger sleep":
        this.#processor.sleep(random.below(20_000));
        break;
      case "foreign spend":
        this.#spendForeign();
        break;
      case "raise":
        this.#people.raise();
        break;
      case "reload":
        this.#people.relimit();
        break;
      case "withdraw":
        this.#people.withdraw();
        break;
      case "rename":
        this.#people.rename();
        break;
      default:
        if (agent !== undefined) this.#mishapOf(agent, mishap);
    }
  }

  #mishapOf(agent: Agent, mishap: "cut" | "kill" | "end" | "agent sleep" | "agent jump"): void {
    const random = this.#random;
    switch (mishap) {
      case "cut":
        agent.link.isCut = true;
        this.#time.after(random.below(this.#scenario.cutMsMax), () => (agent.link.isCut = false));
        break;
      case "kill":
        agent.kill();
        this.#replace(agent);
        break;
      case "end":
        void agent.end().catch((error: unknown) => this.#fail(error));
        this.#replace(agent);
        break;
      case "agent sleep":
        agent.link.life.machine.sleep(random.below(this.#sleepMsMax()));
        break;
      case "agent jump":
        // Back by as much as it sleeps would fool both its clocks at once: nobody promises anything then.
        agent.link.life.machine.jump(random.pick([500, 60_000, 3_600_000]));
        break;
    }
  }

  /** It comes back, as another process. */
  #replace(agent: Agent): void {
    this.#agents.splice(this.#agents.indexOf(agent), 1);
    this.#ended.push(agent);
    this.#time.after(this.#random.below(5000), () => {
      if (!this.#isOver) this.#addAgent(agent.labels, agent.link.life.machine);
    });
  }

  #spendForeign(): void {
    const labels = this.#random.pick(this.#random.pick(this.#scenario.agents));
    const amounts = {
      nanoUsd: BigInt(this.#random.below(300)),
      tokens: BigInt(this.#random.below(30)),
      calls: 1n,
    };
    const token = `foreign-${this.#events}`;
    const send = async (): Promise<void> => {
      const answer = await this.#processor.takeSpans(token, [{ labels, leaseId: "", amounts }]);
      if (answer.kind !== "reply" || this.#random.chance(0.2)) this.#time.after(2000, () => void send());
    };
    this.#oracle.payForeign(labels, amounts);
    void send();
  }

  #recall(processId: string, ids: readonly string[]): void {
    const agent = [...this.#agents, ...this.#ended].find(({ client }) => client.processId === processId);
    if (agent !== undefined && !agent.isDead) this.#network.push(agent.link, () => agent.recall(ids));
  }

  #rate(): number {
    return this.#random.pick([1, 1, 1, 0.99, 1.01]);
  }

  #sleepMsMax(): number {
    return this.#scenario.ttlMs * 3;
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }
}
