/**
 * An agent process under simulation: the real lease client on a machine of its own, an app that makes calls, and an exporter
 * that sends their spans until they are acknowledged. It can be killed with calls in flight, end in order, and come back.
 */
import { hash } from "node:crypto";
import { covers, NO_AMOUNTS, smallest, type Amounts } from "../../instrumentation/src/lease/amounts.ts";
import { LeaseClient } from "../../instrumentation/src/lease/lease-client.ts";
import type { Lease } from "../../instrumentation/src/lease/lease.ts";
import type { PurseOutcome, Reservation, Want } from "../../instrumentation/src/lease/purse.ts";
import type { Answer, ControlListener, Transport } from "../../instrumentation/src/lease/transport.ts";
import type { Labels, ObservedSpend } from "../../src/budget/ledger.ts";
import type { Random } from "../support/random.ts";
import { Life, type Machine } from "./machine.ts";
import type { Link, Network } from "./network.ts";
import type { Oracle } from "./oracle.ts";
import type { Serving } from "./processor.ts";

export interface AgentOptions {
  readonly name: string;
  readonly machine: Machine;
  readonly random: Random;
  readonly network: Network;
  readonly processor: Serving;
  readonly oracle: Oracle;
  /** The labels that it calls under. */
  readonly labels: readonly Labels[];
  readonly habits: Habits;
  readonly fail: (error: unknown) => void;
}

export interface Habits {
  readonly usdMax: number;
  readonly callMsMax: number;
  /** One call in a hundred takes up to this long. */
  readonly longCallMsMax: number;
  /** How often a call costs more than it reserved. */
  readonly overrunRate: number;
  readonly exportMs: number;
}

interface Flight {
  readonly reservation: Reservation;
  readonly labels: Labels;
  cancel: () => void;
}

const SILENT = { log: () => {}, once: () => {} };
const EXPORT_TIMEOUT_MS = 10_000;

export class Agent {
  readonly name: string;
  readonly link: Link;
  readonly client: LeaseClient;
  readonly labels: readonly Labels[];
  readonly #options: AgentOptions;
  readonly #flights = new Set<Flight>();
  #spans: ObservedSpend[] = [];
  #listener: ControlListener | undefined;
  #batches = 0;
  #sending = 0;
  #isEnding = false;
  /** An older one does not. */
  readonly #tellsKinds: boolean;
  calls = 0;
  refused = 0;
  unavailable = 0;

  constructor(options: AgentOptions) {
    const life = new Life(options.machine);
    let ids = 0;
    this.name = options.name;
    this.labels = options.labels;
    this.#options = options;
    this.#tellsKinds = options.random.chance(0.7);
    this.link = { life, isCut: false };
    this.client = new LeaseClient({
      transport: this.#transport(),
      clock: life.agentClock,
      newId: () => hash("md5", `${options.name} ${(ids += 1)}`),
      logger: SILENT,
      introduction: { agent: options.labels[0]?.["agent"] ?? options.name, labels: {}, version: "0" },
      expectsProcessor: true,
      onHello: () => {},
    });
    options.oracle.begin(this.client.processId);
    void this.client.start().catch(options.fail);
  }

  get isDead(): boolean {
    return this.link.life.isDead;
  }

  get isBusy(): boolean {
    return this.#flights.size > 0 || this.#spans.length > 0 || this.#sending > 0;
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  /** The leases that its calls use now. */
  leases(): Lease[] {
    return this.labels.map((labels) => this.client.find(labels)).filter((lease) => lease !== undefined);
  }

  recall(leaseIds: readonly string[]): void {
    this.#listener?.onEvent({ type: "recall", lease_ids: leaseIds });
  }

  /** The app wants to make a call. */
  call(): void {
    this.link.life.machine.whenAwake(() => {
      if (!this.isDead && !this.#isEnding) this.#call();
    });
  }

  /** By SIGKILL. Whatever the provider was asked for goes on and is paid. */
  kill(): void {
    this.link.life.isDead = true;
    this.#options.oracle.kill(this.client.processId);
    for (const flight of this.#flights) {
      flight.cancel();
      const { reservation, labels } = flight;
      if (this.#options.random.chance(0.7)) this.#pay(reservation, labels, this.#actual(reservation.amounts));
      else this.#pay(reservation, labels, NO_AMOUNTS);
    }
    this.#flights.clear();
  }

  /** In order: no more calls, what is in flight is given up and settled, everything is said, perhaps more than once. */
  async end(): Promise<void> {
    if (this.isDead) return;
    this.#isEnding = true;
    for (const flight of this.#flights) {
      flight.cancel();
      this.#settle(flight);
    }
    await this.#export();
    if (this.isDead) return;
    if (this.#options.random.chance(0.3)) {
      // As on `process.exit`: a child process says it, once.
      void this.#post("/v1/leases/close", this.client.lastReports());
      this.link.life.isDead = true;
      this.#options.oracle.kill(this.client.processId);
      return;
    }
    await this.giveBack();
  }

  /** What no call holds, and again what could not be said before. */
  async giveBack(): Promise<void> {
    await this.client.giveBack();
    if (this.#options.random.chance(0.3)) await this.client.close();
  }

  /** Whether the ledger has acknowledged all that it had to say. */
  get isClosed(): boolean {
    return this.client.lastReports().leases.length === 0;
  }

  async #export(): Promise<void> {
    while (this.#spans.length > 0 && !this.isDead) {
      const entries = this.#spans;
      this.#spans = [];
      this.#batches += 1;
      await this.#sendUntilAcknowledged(`${this.name}-${this.#batches}`, entries);
    }
  }

  async #sendUntilAcknowledged(token: string, entries: readonly ObservedSpend[]): Promise<void> {
    const { network, processor, oracle, random } = this.#options;
    const { life } = this.link;
    this.#sending += 1;
    while (!life.isDead) {
      const answer = await network.request(this.link, EXPORT_TIMEOUT_MS, async () => {
        const taken = await processor.takeSpans(token, entries);
        if (taken.kind === "reply") oracle.spansTaken(token, entries);
        return taken;
      });
      if (answer.kind === "reply") break;
      await new Promise<void>((resolve) => life.after(random.between(500, 5000), resolve));
    }
    this.#sending -= 1;
  }

  #call(): void {
    const { random, habits } = this.#options;
    const labels = random.pick(this.labels);
    const nanoUsd = BigInt(random.between(1, habits.usdMax));
    const worst = this.#worst(nanoUsd, random.between(1, 40));
    const isFlexible = random.chance(0.5);
    const least = isFlexible ? scaled(worst, 50n) : worst;
    const patience = random.chance(0.1) ? new AbortController() : undefined;
    if (patience !== undefined) this.link.life.after(random.below(5000), () => patience.abort());
    const want: Want = {
      worst,
      least,
      fitting: (available) => lowered(worst, least, available),
      signal: patience?.signal,
    };
    const outcome = this.client.reserve(labels, want);
    if (outcome instanceof Promise) outcome.then((late) => this.#onOutcome(labels, late)).catch(this.#options.fail);
    else this.#onOutcome(labels, outcome);
  }

  #onOutcome(labels: Labels, outcome: PurseOutcome): void {
    if (outcome.outcome === "refused") this.refused += 1;
    if (outcome.outcome === "unavailable") this.unavailable += 1;
    // A dead process makes no calls, and one that has aborted the call gets its money back.
    if (outcome.outcome !== "granted" || this.isDead) return;
    const { reservation } = outcome;
    const { random, habits, oracle } = this.#options;
    if (this.#isEnding || random.chance(0.03)) {
      reservation.release();
      return;
    }
    if (random.chance(0.1)) {
      reservation.shrinkTo(scaled(reservation.amounts, 75n));
    }
    this.calls += 1;
    oracle.fly(reservation.leaseId, this.client.processId, { labels, worst: reservation.amounts });
    const ms = random.below(random.chance(0.01) ? habits.longCallMsMax : habits.callMsMax);
    const flight: Flight = { reservation, labels, cancel: () => {} };
    this.#flights.add(flight);
    // By the provider's clock, not by ours: it goes on while we sleep.
    flight.cancel = this.#options.network.later(ms, () => this.link.life.machine.whenAwake(() => this.#settle(flight)));
  }

  #settle(flight: Flight): void {
    if (this.isDead || !this.#flights.delete(flight)) return;
    const { reservation, labels } = flight;
    const actual = this.#actual(reservation.amounts);
    this.#pay(reservation, labels, actual);
    reservation.settle(actual);
    this.#spans.push({ labels, leaseId: reservation.leaseId, amounts: actual });
    if (this.#spans.length === 1) this.link.life.after(this.#options.habits.exportMs, () => void this.#export());
  }

  #pay(reservation: Reservation, labels: Labels, paid: Amounts): void {
    this.#options.oracle.land(reservation.leaseId, { labels, worst: reservation.amounts, paid });
  }

  #actual(reserved: Amounts): Amounts {
    const { random, habits } = this.#options;
    const percent = BigInt(random.chance(habits.overrunRate) ? random.between(101, 300) : random.between(0, 100));
    return scaled(reserved, percent);
  }

  /** All of the input may be cached, all of the output reasoning; of some calls nobody knows the price. */
  #worst(nanoUsd: bigint, tokens: number): Amounts {
    const { random } = this.#options;
    const base = { nanoUsd, tokens: BigInt(tokens), calls: 1n };
    if (!this.#tellsKinds) return base;
    const inputTokens = BigInt(random.below(tokens + 1));
    const outputTokens = base.tokens - inputTokens;
    const isPriced = random.chance(0.8);
    const unpriced = { unpricedCalls: isPriced ? 0n : 1n, unpricedTokens: isPriced ? 0n : base.tokens };
    const kinds = { inputTokens, outputTokens, cachedTokens: inputTokens, reasoningTokens: outputTokens };
    return { ...base, kinds: { ...kinds, toolCalls: 0n, ...unpriced } };
  }

  #transport(): Transport {
    return {
      hello: (body) => this.#post("/v1/leases/hello", body),
      acquire: (body) => this.#post("/v1/leases/acquire", body, body.wait_ms),
      close: (body) => this.#post("/v1/leases/close", body),
      stopped: () => Promise.resolve({ kind: "reply", reply: {} }),
      listen: (_processId, listener) => {
        this.#listener = listener;
        return { stop: () => (this.#listener = undefined) };
      },
      stop: () => {},
    };
  }

  #post<Reply>(path: string, body: unknown, waitMs = 0): Promise<Answer<Reply>> {
    const { network, processor, oracle } = this.#options;
    const answered = network.request(this.link, waitMs + 5000, async () => {
      const atMs = oracle.nowMs;
      const answer = (await processor.post(path, body)) as Answer<Reply>;
      // What is not answered may be forgotten by a crash.
      if (answer.kind === "reply" && processor.state !== undefined)
        oracle.heard(body, { state: processor.state, atMs });
      return answer;
    });
    void answered.then(() => (oracle.moves += 1));
    return answered;
  }
}

/** So much of everything that is counted in parts; a call stays one. */
function scaled({ nanoUsd, tokens, calls, kinds }: Amounts, percent: bigint): Amounts {
  const part = (amount: bigint): bigint => (amount * percent) / 100n;
  const base = { nanoUsd: part(nanoUsd), tokens: part(tokens), calls };
  if (kinds === undefined) return base;
  return {
    ...base,
    kinds: {
      inputTokens: part(kinds.inputTokens),
      outputTokens: part(kinds.outputTokens),
      cachedTokens: part(kinds.cachedTokens),
      reasoningTokens: part(kinds.reasoningTokens),
      toolCalls: kinds.toolCalls,
      unpricedCalls: kinds.unpricedCalls,
      unpricedTokens: part(kinds.unpricedTokens),
    },
  };
}

function lowered(worst: Amounts, least: Amounts, available: Amounts): Amounts | undefined {
  return covers(available, least) ? smallest(worst, available) : undefined;
}
