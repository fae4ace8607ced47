/**
 * `/v1/reservations`: the ledger for agents in any language, by four requests and without a lease client. One reservation
 * is one lease, held by a pseudo process of the caller's credential; all that is promised of leases holds for it. Nothing
 * is kept here, so a restart loses nothing. Limit: the ledger's TTL is the reservation's, whatever was wished for.
 */
import { formatUsd, type NanoUsd, type PriceBook } from "@tollgate/instrumentation/pricing";
import { canonicalJson } from "@tollgate/instrumentation/policy";
import { hash } from "node:crypto";
import type { Clock } from "../support/clock.ts";
import { type Amounts, fitsWithin, isKindMeasure, isUnpricedMeasure, NO_AMOUNTS } from "../budget/amounts.ts";
import type { AcquireOutcome, BudgetState, Labels, Ledger, LeaseView } from "../budget/ledger.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import { type AgentCaller, vouchesFor } from "./access.ts";
import { projected } from "./call-labels.ts";
import { callerLabels } from "./caller-labels.ts";
import { ApiProblem } from "./problem.ts";
import { outputCap, type Pricing, reportedBy, type Wanted, wantedBy } from "./reservation-amounts.ts";
import {
  readReservationId,
  reservationId,
  type ReservationId,
  reservingProcess,
  unlimitedId,
} from "./reservation-id.ts";
import type { StopDesk } from "./stop-desk.ts";
import { exceeded } from "./reservation-refusal.ts";
import type { CommitReply, CommitRequest, CreateReply, CreateRequest } from "./reservation-schemas.ts";

export interface ReservationsOptions {
  readonly ledger: Ledger;
  readonly registry: AgentRegistry;
  /** Asked each time: house prices change with governance. */
  readonly prices: () => PriceBook;
  readonly clock: Clock;
  readonly leaseTtlMs: number;
  readonly desk: StopDesk;
}

/** In the labels of a lease that came with a key, beside those of budgets: the digest of the body that made it. */
const REQUEST_LABEL = "tollgate.request";
/** The only message that asks for something; what follows repeats it. */
const SEQ = 1;

type Granted = Extract<AcquireOutcome, { outcome: "granted" | "unlimited" }>;

export class Reservations {
  readonly #options: ReservationsOptions;
  /** Creations under way by id: of two with one key the second waits, and finds what the first made. */
  readonly #turns = new Map<string, Promise<unknown>>();

  #labelKeys: readonly string[] | undefined;
  #tellsKinds = true;

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /** Throws, or rejects with, `agent_killed`, `agent_paused`, `budget_exceeded`, `price_unknown`, `estimate_incomplete`, `idempotency_key_reused`, `reservation_ended`. */
  create(body: CreateRequest, { caller, key }: { caller: AgentCaller; key: string | undefined }): Promise<CreateReply> {
    vouchesFor(caller, body.agent);
    const { desk, registry } = this.#options;
    if (desk.isAnythingStopped)
      desk.refuseStopped(callerLabels({ registry, caller, agent: body.agent, claimed: body.labels }));
    const id = reservationId(caller, key);
    const make = { id, caller, key };
    return key === undefined ? this.#create(body, make) : this.#inTurn(id, () => this.#create(body, make));
  }

  async #create(
    body: CreateRequest,
    { id, caller, key }: { readonly id: string; readonly caller: AgentCaller; readonly key: string | undefined },
  ): Promise<CreateReply> {
    const { ledger, clock, leaseTtlMs } = this.#options;
    const wanted = wantedBy(body, this.#pricing());
    // Without a key the id is new, and nobody can repeat it.
    const request = key === undefined ? {} : { [REQUEST_LABEL]: digestOf(body) };
    const known = key === undefined ? undefined : await ledger.lease(id);
    if (known !== undefined) {
      if (known.labels?.[REQUEST_LABEL] !== request[REQUEST_LABEL]) throw new ApiProblem("idempotency_key_reused");
      if (known.state !== "active") throw ended(id, known);
    }
    const processId = reservingProcess(caller);
    const outcome = await ledger.acquire({
      processId,
      leaseId: id,
      seq: SEQ,
      labels: { ...this.#labels(body, { price: wanted.price, caller }), ...request },
      settled: NO_AMOUNTS,
      need: wanted.need,
      target: wanted.target,
      ahead: NO_AMOUNTS,
      waitMs: body.wait_ms,
    });
    if (outcome.outcome === "lost") throw new ApiProblem("reservation_ended", outcome.reason);
    const refusal = refusalOf(outcome, { body, wanted, nowMs: clock.now() });
    if (refusal !== undefined) {
      await ledger.close(processId, [{ leaseId: id, settled: NO_AMOUNTS, forget: true }]);
      throw refusal;
    }
    const cap = outputCap(body, wanted, outcome.granted);
    const fallback = fallbackOf(body.model, outcome.budgets);
    return {
      id: outcome.outcome === "unlimited" ? unlimitedId(caller, id) : id,
      decision: "allow",
      granted_usd: formatUsd(outcome.granted.nanoUsd as NanoUsd),
      ...(cap === undefined ? {} : { max_output_tokens: cap }),
      ...(fallback === undefined ? {} : { fallback }),
      expires_in_ms: leaseTtlMs,
      budgets: outcome.budgets.map((budget) => budget.name),
    };
  }

  /** Throws `reservation_unknown`, `price_unknown`. */
  async commit(id: string, body: CommitRequest, caller: AgentCaller): Promise<CommitReply> {
    const { ledger } = this.#options;
    const own = ownId(caller, id);
    const pricing = this.#pricing();
    if (own.isUnlimited) {
      const { amounts, priceVersion } = reportedBy(body, { ...pricing, reservedTokens: 0n });
      return {
        id,
        outcome: "committed",
        settled_usd: formatUsd(amounts.nanoUsd as NanoUsd),
        ...versionOf(priceVersion),
      };
    }
    const before = await this.#lease(own, caller);
    const isOver = before.state === "closed";
    const reservedTokens = isOver ? before.settled.tokens : before.granted.tokens;
    const { amounts, priceVersion } = reportedBy(body, { ...pricing, reservedTokens });
    await ledger.close(reservingProcess(caller), [{ leaseId: id, settled: amounts }]);
    const after = await ledger.lease(id);
    const settled = after?.settled ?? amounts;
    const reply = { id, settled_usd: formatUsd(settled.nanoUsd as NanoUsd), ...versionOf(priceVersion) };
    if (isOver) return { ...reply, outcome: fitsWithin(amounts, before.settled) ? "already_committed" : "raised" };
    const left = before.granted.nanoUsd - settled.nanoUsd;
    return {
      ...reply,
      outcome: before.state === "active" ? "committed" : "committed_late",
      released_usd: formatUsd((left > 0n ? left : 0n) as NanoUsd),
      overrun: isMore(settled, before.granted),
    };
  }

  /** Throws `reservation_unknown`. */
  async release(
    id: string,
    caller: AgentCaller,
  ): Promise<{ id: string; outcome: "released" | "already_ended"; settled_usd: string }> {
    const own = ownId(caller, id);
    if (own.isUnlimited) return { id, outcome: "released", settled_usd: formatUsd(0n as NanoUsd) };
    const before = await this.#lease(own, caller);
    await this.#options.ledger.close(reservingProcess(caller), [{ leaseId: id, settled: before.settled }]);
    const outcome = before.state === "closed" ? "already_ended" : "released";
    return { id, outcome, settled_usd: formatUsd(before.settled.nanoUsd as NanoUsd) };
  }

  /** Another term of the ledger's TTL. Throws `reservation_unknown`, `reservation_ended`. */
  async extend(id: string, caller: AgentCaller): Promise<{ id: string; granted_usd: string; expires_in_ms: number }> {
    const { ledger, leaseTtlMs } = this.#options;
    const own = ownId(caller, id);
    if (own.isUnlimited) return { id, granted_usd: formatUsd(0n as NanoUsd), expires_in_ms: leaseTtlMs };
    const lease = await this.#lease(own, caller);
    if (lease.state !== "active") throw ended(id, lease);
    // A message out of order: it changes nothing but when the lease ends.
    const { granted, settled, labels } = lease;
    this.#options.desk.refuseKilled(labels);
    const outcome = await ledger.acquire({
      processId: reservingProcess(caller),
      leaseId: id,
      seq: SEQ,
      labels,
      settled,
      need: NO_AMOUNTS,
      target: granted,
      ahead: NO_AMOUNTS,
      waitMs: 0,
    });
    if (outcome.outcome === "lost") throw new ApiProblem("reservation_ended", outcome.reason);
    return { id, granted_usd: formatUsd(granted.nanoUsd as NanoUsd), expires_in_ms: leaseTtlMs };
  }

  /** Throws `reservation_unknown`. */
  async #lease({ id }: ReservationId, caller: AgentCaller): Promise<LeaseView> {
    const lease = await this.#options.ledger.lease(id);
    const isForeign = lease !== undefined && lease.state !== "closed" && lease.processId !== reservingProcess(caller);
    if (lease === undefined || isForeign) throw new ApiProblem("reservation_unknown");
    return lease;
  }

  #pricing(): Pricing {
    const { ledger, prices, clock } = this.#options;
    const keys = ledger.labelKeys();
    // Another list with other documents.
    if (keys !== this.#labelKeys) {
      this.#labelKeys = keys;
      this.#tellsKinds = ledger.measures().some(isKindMeasure);
    }
    return { prices: prices(), at: new Date(clock.now()), tellsKinds: this.#tellsKinds };
  }

  #labels(body: CreateRequest, { price, caller }: Pick<Wanted, "price"> & { readonly caller: AgentCaller }): Labels {
    const { ledger, registry } = this.#options;
    const provider = body.provider ?? price?.provider;
    const claimed = {
      ...body.labels,
      ...(body.model === undefined ? {} : { model: body.model }),
      ...(provider === undefined ? {} : { provider }),
    };
    return projected(callerLabels({ registry, caller, agent: body.agent, claimed }), ledger.labelKeys());
  }

  async #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work, work);
    this.#turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    }
  }
}

/** Why a reservation must not stand; `undefined` when it may. */
function refusalOf(
  outcome: Granted | Extract<AcquireOutcome, { outcome: "exhausted" }>,
  { body, wanted, nowMs }: { readonly body: CreateRequest; readonly wanted: Wanted; readonly nowMs: number },
): ApiProblem | undefined {
  const hard = outcome.budgets.filter((budget) => budget.mode === "hard");
  const fallback = fallbackOf(body.model, outcome.budgets);
  const of = { need: wanted.need, nowMs, fallback };
  if (outcome.outcome === "exhausted") return exceeded(outcome.refusedBy, { ...of, obstacle: outcome.obstacle });
  const stop = hard.find(({ crossed }) => crossed.some(({ do: action }) => action === "stop" || action === "kill"));
  if (stop !== undefined) return exceeded(stop, { ...of, obstacle: undefined });
  const counting =
    body.tokens === undefined
      ? hard.find(({ measure }) => measure.endsWith("tokens") && !isUnpricedMeasure(measure))
      : undefined;
  if (counting === undefined) return undefined;
  return new ApiProblem(
    "estimate_incomplete",
    `the budget \`${counting.name}\` counts ${counting.measure.replace("_", " ")}: say \`tokens\` too`,
  );
}

/** The model that crossed thresholds ask for; `undefined` when they ask for no other. */
function fallbackOf(model: string | undefined, budgets: readonly BudgetState[]): string | undefined {
  let current = model;
  for (const { fallback } of budgets.flatMap((budget) => budget.crossed)) {
    if (current !== undefined && fallback !== undefined && Object.hasOwn(fallback, current))
      current = fallback[current];
  }
  return current === model ? undefined : current;
}

function ownId(caller: AgentCaller, id: string): ReservationId {
  const own = readReservationId(caller, id);
  if (own === undefined) throw new ApiProblem("reservation_unknown");
  return own;
}

function ended(id: string, { state }: LeaseView): ApiProblem {
  const how = state === "expired" ? "has expired; what was spent can still be committed" : "is committed or released";
  return new ApiProblem("reservation_ended", `the reservation \`${id}\` ${how}`);
}

/** Tokens count only where some were reserved. */
function isMore(settled: Amounts, granted: Amounts): boolean {
  return settled.nanoUsd > granted.nanoUsd || (granted.tokens > 0n && settled.tokens > granted.tokens);
}

function versionOf(priceVersion: string | undefined): { price_version?: string } {
  return priceVersion === undefined ? {} : { price_version: priceVersion };
}

function digestOf(body: CreateRequest): string {
  // Money is no JSON: by its text.
  const text = canonicalJson(
    JSON.parse(JSON.stringify(body, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value))),
  );
  return hash("sha256", text ?? "").slice(0, 32);
}
