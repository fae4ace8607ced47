/**
 * An agent process that follows the lease protocol: one message of a lease at a time, its own view lowered before a smaller
 * target is sent, only the reply to the last message believed, and its own, earlier idea of when a lease has expired.
 */
import {
  addAmounts,
  fitsWithin,
  minAmounts,
  NO_AMOUNTS,
  subtractAmounts,
  type Amounts,
} from "../../../../src/budget/amounts.ts";
import type { AcquireCommand, AcquireOutcome, Labels } from "../../../../src/budget/ledger.ts";
import { TTL_MS } from "./ledger-node.ts";
import type { Random } from "../../../support/random.ts";

const RESEND_MS = 4000;

export interface Call {
  readonly lease: AgentLease;
  readonly worst: Amounts;
}

export interface AgentLease {
  readonly id: string;
  readonly labels: Labels;
  seq: number;
  /** What the agent believes it may use, all told. */
  view: Amounts;
  settled: Amounts;
  inFlight: Amounts;
  expiresAtMs: number;
  /** When the unanswered message was sent. */
  sentAtMs: number | undefined;
  /** No more calls on it; it is closed once its calls are back, and gone once that is acknowledged. */
  isEnding: boolean;
  /** No budget applies: the ledger keeps nothing about it. */
  isUnlimited: boolean;
}

export interface AgentEffects {
  readonly send: (command: AcquireCommand) => void;
  readonly sendClose: (processId: string, leaseId: string, settled: Amounts) => void;
  readonly start: (call: Call) => void;
}

export class Agent {
  readonly id: string;
  readonly leases = new Map<string, AgentLease>();
  readonly #random: Random;
  readonly #effects: AgentEffects;
  readonly #labels: readonly Labels[];
  #made = 0;
  refused = 0;

  constructor(id: string, labels: readonly Labels[], random: Random, effects: AgentEffects) {
    this.id = id;
    this.#labels = labels;
    this.#random = random;
    this.#effects = effects;
  }

  /** Wants to make a call: makes it if the lease has the money, else asks for it. */
  want(nowMs: number): void {
    const lease = this.#leaseFor(this.#random.pick(this.#labels), nowMs);
    const worst = {
      nanoUsd: BigInt(this.#random.between(1, 400)),
      tokens: BigInt(this.#random.between(1, 40)),
      calls: 1n,
    };
    const total = addAmounts(addAmounts(lease.settled, lease.inFlight), worst);
    if (fitsWithin(total, lease.view) && nowMs < lease.expiresAtMs) {
      lease.inFlight = addAmounts(lease.inFlight, worst);
      this.#effects.start({ lease, worst });
    } else {
      this.#ask(lease, worst, nowMs);
    }
  }

  /** A call is back and cost `actual`. */
  settle({ lease, worst }: Call, actual: Amounts): void {
    lease.inFlight = subtractAmounts(lease.inFlight, worst);
    lease.settled = addAmounts(lease.settled, actual);
  }

  recall(leaseIds: readonly string[], nowMs: number): void {
    for (const id of leaseIds) {
      const lease = this.leases.get(id);
      if (lease !== undefined) this.#ask(lease, NO_AMOUNTS, nowMs);
    }
  }

  /** What an agent does in the background: renew, send again, end what has expired. */
  tend(nowMs: number): void {
    for (const lease of this.leases.values()) {
      const isExpired = lease.seq > 0 && nowMs >= lease.expiresAtMs && lease.expiresAtMs > 0;
      if (isExpired || lease.isEnding) this.end(lease);
      else if (nowMs > lease.expiresAtMs - (TTL_MS * 2) / 3) this.#ask(lease, NO_AMOUNTS, nowMs);
    }
  }

  /** Says goodbye, once the calls of the lease are back. To be called again until the ledger has acknowledged it. */
  end(lease: AgentLease): void {
    lease.isEnding = true;
    if (lease.inFlight.calls === 0n) this.#effects.sendClose(this.id, lease.id, lease.settled);
  }

  onReply(command: AcquireCommand, outcome: AcquireOutcome): void {
    const lease = this.leases.get(command.leaseId);
    if (lease === undefined || lease.seq !== command.seq || lease.sentAtMs === undefined) return;
    if (outcome.outcome === "lost") {
      this.end(lease);
      return;
    }
    lease.expiresAtMs = lease.sentAtMs + TTL_MS;
    lease.sentAtMs = undefined;
    lease.isUnlimited = outcome.outcome === "unlimited";
    if (outcome.outcome === "exhausted") this.refused += 1;
    lease.view = outcome.granted;
  }

  #ask(lease: AgentLease, wanted: Amounts, nowMs: number): void {
    if (lease.isEnding) return;
    if (lease.sentAtMs !== undefined && nowMs - lease.sentAtMs < RESEND_MS && !this.#random.chance(0.05)) return;
    const used = addAmounts(lease.settled, lease.inFlight);
    const target = addAmounts(used, wanted);
    const least = wanted.calls === 0n ? NO_AMOUNTS : { nanoUsd: 1n, tokens: 1n, calls: 1n };
    lease.seq += 1;
    lease.sentAtMs = nowMs;
    const waitMs = this.#random.pick([0, 500, 2000]);
    const isEmptyHanded = waitMs > 0 && this.#random.chance(0.5);
    lease.view = minAmounts(lease.view, isEmptyHanded ? used : target);
    const ahead = this.#random.chance(0.5) ? NO_AMOUNTS : { nanoUsd: 2000n, tokens: 200n, calls: 5n };
    this.#effects.send({
      processId: this.id,
      leaseId: lease.id,
      seq: lease.seq,
      labels: lease.labels,
      settled: lease.settled,
      need: addAmounts(used, least),
      target,
      ahead: wanted.calls === 0n ? NO_AMOUNTS : ahead,
      waitMs,
      ...(isEmptyHanded ? { held: used } : {}),
    });
  }

  #leaseFor(labels: Labels, nowMs: number): AgentLease {
    for (const lease of this.leases.values()) if (lease.labels === labels && !lease.isEnding) return lease;
    this.#made += 1;
    const lease: AgentLease = {
      id: `${this.id}-${this.#made}`,
      labels,
      seq: 0,
      view: NO_AMOUNTS,
      settled: NO_AMOUNTS,
      inFlight: NO_AMOUNTS,
      expiresAtMs: nowMs + TTL_MS,
      sentAtMs: undefined,
      isEnding: false,
      isUnlimited: false,
    };
    this.leases.set(lease.id, lease);
    return lease;
  }
}
