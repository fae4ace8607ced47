/**
 * A fleet, a ledger and a network between them in virtual time, all from one seed. The network loses, doubles, delays and so
 * reorders every message both ways; the ledger crashes in the middle of writes; agents are killed with calls in flight.
 */
import { fitsWithin, NO_AMOUNTS, type Amounts } from "../../../../src/budget/amounts.ts";
import type { Budget } from "../../../../src/budget/budget.ts";
import type { AcquireCommand, AcquireOutcome, Labels, ObservedSpend } from "../../../../src/budget/ledger.ts";
import { snapshotLines } from "../../../../src/budget/rules/snapshot.ts";
import { settledAt } from "../../../../src/budget/rules/spend.ts";
import { Agent, type Call } from "./agent.ts";
import { checkState } from "./check-state.ts";
import { GRACE_MS, LedgerNode, TTL_MS } from "./ledger-node.ts";
import { Oracle } from "./oracle.ts";
import { Random } from "../../../support/random.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly budgets: readonly Budget[];
  readonly labels: readonly (readonly Labels[])[];
  /** Also: spend that no lease covers, calls that cost more than they reserved, limits that change at a restart. */
  readonly isWild: boolean;
}

export class World {
  readonly random: Random;
  readonly oracle: Oracle;
  readonly agents: Agent[];
  readonly node: LedgerNode;
  readonly #options: WorldOptions;
  readonly #schedule: { readonly atMs: number; readonly fn: () => void }[] = [];
  readonly #tickets = new Map<number, AcquireCommand>();
  readonly #onDurable = new Map<number, () => void>();
  readonly #settledBefore = new Map<string, bigint>();
  #nowMs = Date.UTC(2026, 2, 28, 22, 30);
  #numbers = 0;
  #lossRate = 0.08;
  #isFlushDue = false;
  calls = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.oracle = new Oracle(options.budgets);
    this.node = new LedgerNode(options.budgets, this.#nowMs, {
      answer: (ticket, outcome) => this.#answer(ticket, outcome),
      durable: (call) => {
        this.#onDurable.get(call)?.();
        this.#onDurable.delete(call);
      },
      recall: (processId, ids) => this.#transmit(() => this.#agent(processId)?.recall(ids, this.#nowMs)),
    });
    this.agents = options.labels.map((labels, index) => this.#makeAgent(`p${index}`, labels));
  }

  get refused(): number {
    return this.agents.reduce((sum, agent) => sum + agent.refused, 0);
  }

  step(): void {
    const { random } = this;
    this.#advance(
      random.chance(0.01) ? random.below(60_000) : random.chance(0.05) ? random.below(5000) : random.below(300),
    );
    const dice = random.next();
    if (dice < 0.7) random.pick(this.agents).want(this.#nowMs);
    else if (dice < 0.9) random.pick(this.agents).tend(this.#nowMs);
    else if (dice < 0.91) this.#crashLedger();
    else if (dice < 0.915) this.#killAgent();
    else if (dice < 0.93) this.node.snapshot();
    else if (dice < 0.94) this.#endLease();
    else if (dice < 0.96 && this.#options.isWild) this.#spendForeign();
    this.#check();
  }

  /** Nobody wants anything any more, the network is whole, and time goes by until all is settled or given up. */
  quiesce(): void {
    this.#lossRate = 0;
    for (const agent of this.agents) for (const lease of agent.leases.values()) agent.end(lease);
    for (let round = 0; round < 40; round += 1) {
      this.#advance(5000);
      for (const agent of this.agents) agent.tend(this.#nowMs);
      this.#check();
    }
    for (const ms of [TTL_MS, GRACE_MS, 1000]) this.#advance(ms);
    this.#check();
  }

  /** S of every instance, by its key, whatever its window. */
  settled(): Map<string, bigint> {
    return new Map([...this.node.state.spends].map(([key, spend]) => [key, settledAt(spend, this.#nowMs)]));
  }

  reserved(): bigint {
    return [...this.node.state.spends.values()].reduce((sum, spend) => sum + spend.reserved, 0n);
  }

  openLeases(): number {
    return this.agents.reduce((sum, agent) => sum + agent.leases.size, 0);
  }

  #check(): void {
    const { state } = this.node;
    const isStrict = !this.#options.isWild;
    checkState(state, this.#nowMs, { isStrict });
    if (isStrict) this.oracle.checkNow();
    for (const agent of this.agents) {
      for (const lease of agent.leases.values()) {
        if (
          lease.isEnding ||
          lease.isUnlimited ||
          this.#nowMs >= lease.expiresAtMs ||
          fitsWithin(lease.view, NO_AMOUNTS)
        )
          continue;
        const known = state.active.get(lease.id);
        if (known === undefined || !fitsWithin(lease.view, known.granted)) {
          throw new Error(`${lease.id} believes in money that the ledger has not set aside`);
        }
      }
    }
    for (const [key, spend] of state.spends) {
      if (spend.budget.window.kind !== "lifetime") continue;
      const before = this.#settledBefore.get(key) ?? 0n;
      if (spend.settled < before) throw new Error(`S of ${key} fell from ${before} to ${spend.settled}`);
      this.#settledBefore.set(key, spend.settled);
    }
    if (!this.node.hasUnsynced && this.random.chance(0.02)) {
      const live = snapshotLines(state);
      for (const [index, line] of snapshotLines(this.node.replay().state).entries()) {
        if (line !== live[index]) throw new Error(`replay gives\n${line}\nwhere memory has\n${live[index]}`);
      }
    }
  }

  #makeAgent(id: string, labels: readonly Labels[]): Agent {
    return new Agent(id, labels, this.random, {
      send: (command) => this.#transmit(() => this.#acquire(command)),
      sendClose: (processId, leaseId, settled) => this.#transmit(() => this.#close(processId, leaseId, settled)),
      start: (call) => this.#call(call),
    });
  }

  #acquire(command: AcquireCommand): void {
    const ticket = this.#number();
    this.#tickets.set(ticket, command);
    this.#run((engine) => engine.acquire(command, ticket, this.#nowMs));
  }

  #answer(ticket: number, outcome: AcquireOutcome): void {
    const command = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (command !== undefined) this.#transmit(() => this.#agent(command.processId)?.onReply(command, outcome));
  }

  #close(processId: string, leaseId: string, settled: Amounts): void {
    this.#run(
      (engine) => engine.close(processId, [{ leaseId, settled }], this.#nowMs),
      () => this.#transmit(() => this.#agent(processId)?.leases.delete(leaseId)),
    );
  }

  #call(call: Call): void {
    const { lease, worst } = call;
    this.calls += 1;
    this.oracle.fly(lease.labels, worst, 1n);
    this.#at(this.#nowMs + this.random.below(3000), () => {
      const percent = BigInt(this.random.between(0, this.#options.isWild && this.random.chance(0.05) ? 300 : 100));
      const actual = {
        nanoUsd: (worst.nanoUsd * percent) / 100n,
        tokens: (worst.tokens * percent) / 100n,
        calls: 1n,
      };
      this.oracle.fly(lease.labels, worst, -1n);
      this.oracle.pay(lease.labels, actual, this.#nowMs);
      // The call of a killed process is not settled by it, but its span exists all the same.
      const agent = this.agents.find((other) => other.leases.get(lease.id) === lease);
      agent?.settle(call, actual);
      this.#observe([{ labels: lease.labels, leaseId: lease.id, amounts: actual }]);
    });
  }

  /** The meter: at least once, under one token. */
  #observe(entries: readonly ObservedSpend[]): void {
    const token = `block-${this.#number()}`;
    let isDone = false;
    const send = (): void => {
      if (isDone && !this.random.chance(0.1)) return;
      this.#run(
        (engine) => engine.observe({ token, entries }, this.#nowMs),
        () => {
          isDone = true;
        },
      );
      this.#at(this.#nowMs + 10_000, send);
    };
    this.#at(this.#nowMs + this.random.below(this.random.chance(0.1) ? 50_000 : 2000), send);
  }

  #spendForeign(): void {
    const labels = this.random.pick(this.random.pick(this.#options.labels));
    const amounts = { nanoUsd: BigInt(this.random.below(300)), tokens: BigInt(this.random.below(30)), calls: 1n };
    this.oracle.pay(labels, amounts, this.#nowMs);
    this.#observe([{ labels, leaseId: "", amounts }]);
  }

  #crashLedger(): void {
    const { budgets, isWild } = this.#options;
    const changed = budgets.map((budget) => ({
      ...budget,
      limit: (budget.limit * BigInt(this.random.between(50, 150))) / 100n,
    }));
    this.#tickets.clear();
    this.#onDurable.clear();
    this.#settledBefore.clear();
    this.node.crash(this.random, isWild ? changed : budgets, this.#nowMs + this.random.below(40_000));
    this.#nowMs = this.node.state.atMs;
  }

  #killAgent(): void {
    const index = this.random.below(this.agents.length);
    const labels = this.#options.labels[index] ?? [];
    this.agents[index] = this.#makeAgent(`q${this.#number()}`, labels);
  }

  #endLease(): void {
    const agent = this.random.pick(this.agents);
    const [lease] = agent.leases.values();
    if (lease !== undefined) agent.end(lease);
  }

  #run(command: Parameters<LedgerNode["run"]>[1], onDurable: () => void = () => {}): void {
    const call = this.#number();
    this.#onDurable.set(call, onDurable);
    this.node.run(call, command);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#at(this.#nowMs + this.random.below(12), () => {
      this.#isFlushDue = false;
      this.node.flush();
    });
  }

  /** Zero, one or two times, each after its own delay. */
  #transmit(deliver: () => void): void {
    const copies = this.random.chance(this.#lossRate) ? 0 : this.random.chance(this.#lossRate) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#at(this.#nowMs + this.random.below(this.random.chance(0.05) ? 20_000 : 60), deliver);
    }
  }

  #at(atMs: number, fn: () => void): void {
    const index = this.#schedule.findIndex((other) => other.atMs > atMs);
    this.#schedule.splice(index < 0 ? this.#schedule.length : index, 0, { atMs, fn });
  }

  #advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const wakeAtMs = Math.max(this.node.wakeAtMs, this.#nowMs);
      const next = this.#schedule[0];
      if (wakeAtMs <= endMs && (next === undefined || wakeAtMs < next.atMs)) {
        this.#nowMs = wakeAtMs;
        this.#run((engine) => engine.tick(this.#nowMs));
      } else if (next !== undefined && next.atMs <= endMs) {
        this.#schedule.shift();
        this.#nowMs = Math.max(this.#nowMs, next.atMs);
        next.fn();
      } else break;
    }
    this.#nowMs = endMs;
  }

  #agent(processId: string): Agent | undefined {
    return this.agents.find((agent) => agent.id === processId);
  }

  #number(): number {
    this.#numbers += 1;
    return this.#numbers;
  }
}
