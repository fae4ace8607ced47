/**
 * The one path of every call: price → worst case → money from all purses at once → call → settle. Synchronous and local
 * while the money is in hand. An exception of Tollgate's own is contained and follows `fail_mode`; only typed errors reach
 * the app.
 */
import { trace } from "@opentelemetry/api";
import type { Tracer } from "@opentelemetry/api";
import type { Config } from "../config/config.ts";
import type { Logger } from "../config/logger.ts";
import { createContentRecorder } from "../content/content-recorder.ts";
import type { ContentRecorder } from "../content/content-recorder.ts";
import { identify } from "../context/identify.ts";
import { BudgetExceeded, ConfigInvalid, GateUnavailable, UnpricedModel } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import { smallest } from "../lease/amounts.ts";
import type { Amounts } from "../lease/amounts.ts";
import type { LeaseClient } from "../lease/lease-client.ts";
import { LocalPurse, UNLIMITED } from "../lease/purse.ts";
import type { Purse, PurseOutcome, Reservation } from "../lease/purse.ts";
import { systemClock } from "../lease/clock.ts";
import { createPriceBook } from "../pricing/cached-price-book.ts";
import { isPricesDocument, validatePrices } from "../pricing/house-prices.ts";
import type { ModelPrice, PriceBook } from "../pricing/price-book.ts";
import { priceAtTier } from "../pricing/service-tier.ts";
import type { HelloReply, LeaseBudget, Measure } from "../protocol.ts";
import { CallBounds } from "./call-bound.ts";
import type { Who } from "./call-span.ts";
import { stoppedBy, unpricedRule } from "./budget-rules.ts";
import { CrossingEvents } from "./crossing-events.ts";
import { downgradedBy, lowered } from "./downgrade.ts";
import type { Downgraded } from "./downgrade.ts";
import { pricedName } from "./endpoint.ts";
import type { Body, RequestFacts } from "./endpoint.ts";
import type { GatedCall } from "./gated-call.ts";
import { estimatedPrice } from "./house-estimate.ts";
import { Tokenizers } from "./tokenizer.ts";
import { SessionBook } from "../session/session-book.ts";
import { StopGate } from "../stop/stop-gate.ts";
import type { StoppableCall } from "../stop/stop-gate.ts";

/** Money is set aside and the request may go. */
export interface Admission {
  readonly outcome: "admitted";
  /** As sent: the model may be a fallback. */
  readonly facts: RequestFacts;
  readonly bounds: CallBounds;
  /** Output tokens of one answer that the reservation covers. */
  readonly output: number;
  readonly isLowered: boolean;
  readonly body: Body;
  readonly reservations: readonly Reservation[];
  readonly reserved: bigint;
  readonly leaseId: string;
  readonly budgets: readonly LeaseBudget[];
  /** Set when nobody could be asked and the call goes all the same. */
  readonly failure: "open" | undefined;
  /** Of the model that was asked for, where another one is sent. */
  readonly askedPrice: ModelPrice | undefined;
}

export type AdmissionOutcome =
  | Admission
  | { readonly outcome: "aborted" }
  /** The guard answers instead of calling. */
  | { readonly outcome: "answered"; readonly text: string; readonly error: TollgateError };

/** Anything that costs and has begun: one call, or a process that makes calls of its own. */
export interface OpenCall extends StoppableCall {
  end(error: unknown): void;
}

export interface GateOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** `undefined`: no processor, local budgets only. */
  readonly leases: LeaseClient | undefined;
  readonly tracer?: Tracer;
  /** How long a call of a paused agent waits. */
  readonly pauseWaitMs?: number;
}

const PAUSE_WAIT_MS = 60_000;

/** The only tier that is cheaper by a documented share. */
const BATCH = "batch";

const TRACER_NAME = "@tollgate/instrumentation";

export class Gate {
  readonly config: Config;
  readonly logger: Logger;
  readonly leases: LeaseClient | undefined;
  /** Calls that have not ended: settled as reserved when the process ends. */
  readonly open = new Set<OpenCall>();
  /** What people have stopped. */
  readonly stops: StopGate;
  readonly crossings = new CrossingEvents();
  /** `undefined`: spans carry no content. */
  readonly content: ContentRecorder | undefined;
  /** What sessions have done: for rules that ask. */
  readonly sessions = new SessionBook();
  /** Exceptions of our own that were contained. */
  failures = 0;
  tracer: Tracer;
  /** Loads nothing before a call is to be bounded by one. */
  readonly #tokenizers: Tokenizers;
  #prices: PriceBook = createPriceBook();
  #hello: HelloReply | undefined;
  readonly #processPurse: LocalPurse | undefined;

  constructor({ config, logger, leases, tracer, pauseWaitMs = PAUSE_WAIT_MS }: GateOptions) {
    this.config = config;
    this.logger = logger;
    this.leases = leases;
    this.#tokenizers = new Tokenizers(logger);
    this.content = createContentRecorder(config, logger);
    this.tracer = tracer ?? trace.getTracer(TRACER_NAME);
    this.stops = new StopGate({
      clock: systemClock,
      pauseWaitMs,
      processLabels: () => this.#processLabels(),
      openCalls: this.open,
    });
    this.#processPurse =
      config.budget === undefined
        ? undefined
        : new LocalPurse({
            name: "TOLLGATE_BUDGET",
            limit: config.budget,
            clock: systemClock,
            waitMs: config.waitMs,
          });
  }

  /** The ledger introduced itself, or its rules changed. */
  onHello(hello: HelloReply): void {
    this.#hello = hello;
    const documents = hello.prices.filter(isPricesDocument);
    const valid = documents.filter((document) => validatePrices(document).length === 0);
    if (valid.length < hello.prices.length)
      this.logger.log("warn", "the processor sent prices that can't be read; they are left out");
    this.#prices = createPriceBook({ house: valid });
  }

  get hello(): HelloReply | undefined {
    return this.#hello;
  }

  /** Who makes a call, here and now. The registry wins over the context, the context over the process's own claims. */
  who(): Who {
    return identify(this.config, this.#hello);
  }

  #processLabels(): Readonly<Record<string, string>> {
    return { ...this.config.labels, agent: this.config.agent, ...this.#hello?.labels };
  }

  /** Where work that is not one call of a model gets its money: this process's own budget, then the fleet's. */
  purses(labels: Readonly<Record<string, string>>): readonly Purse[] {
    const { leases } = this;
    const fleet: Purse | undefined = leases && { reserve: (want) => leases.reserve(labels, want) };
    return [this.#processPurse, fleet].filter((purse) => purse !== undefined);
  }

  /** Whether a budget in money has to be held. */
  isHardInUsd(labels: Readonly<Record<string, string>>): boolean {
    const budgets = this.leases?.find(labels)?.budgets ?? [];
    return (
      this.#processPurse !== undefined || budgets.some(({ mode, measure }) => mode === "hard" && measure === "usd")
    );
  }

  /** Sets aside what the call may cost, from every purse it falls under. Throws the typed errors. */
  async admit(call: GatedCall): Promise<AdmissionOutcome> {
    if (this.config.problems.length > 0) throw new ConfigInvalid(this.config.problems);
    if (call.who.problem !== undefined) throw new ConfigInvalid([call.who.problem]);
    // What budgets count and what models cost is the ledger's to say, before the first call is bounded.
    if (this.leases?.hello === undefined) await this.leases?.reached();
    const { endpoint, guard } = call.options;
    // The ledger's first word brings house prices: no call is priced before it.
    if (this.leases !== undefined && this.leases.hello === undefined) await this.leases.reached();
    const change = this.#downgrade(call);
    const chosen = lowered(call.options.facts, change);
    const labels = { ...call.who.labels, model: chosen.model, provider: endpoint.provider };
    const facts = this.#countsTokens(labels) ? this.#tokenizers.tighten(chosen, call.options) : chosen;
    const price = this.#priceOf(call, facts);
    if (price === undefined) this.#refuseUnpriced(call, pricedName(facts));
    const bounds = new CallBounds(facts, price, { tellsKinds: this.#tellsKinds() });
    const held: Reservation[] = [];
    try {
      for (const purse of [guard?.purse, this.#processPurse]) {
        if (purse === undefined) continue;
        const outcome = await purse.reserve(bounds.want(call));
        if (outcome.outcome === "granted") held.push(outcome.reservation);
        else return this.#notGranted(outcome, { call, facts, bounds, held, change });
      }
      if (this.leases === undefined) return this.#admitted({ call, facts, bounds, held, change, failure: undefined });
      return await this.#admitByFleet(this.leases, labels, { call, facts, bounds, held, change });
    } catch (error) {
      for (const reservation of held) reservation.release();
      throw error;
    }
  }

  async #admitByFleet(
    leases: LeaseClient,
    labels: Readonly<Record<string, string>>,
    draft: AdmissionDraft,
  ): Promise<AdmissionOutcome> {
    const { call, facts, held } = draft;
    const purse: Purse = { reserve: (want) => leases.reserve(labels, want) };
    const outcome = await purse.reserve(draft.bounds.want(call));
    if (outcome.outcome !== "granted") return this.#notGranted(outcome, draft);
    held.push(outcome.reservation);
    const budgets = leases.find(labels)?.budgets ?? [];
    const stop = budgets.find(
      (budget) =>
        budget.mode === "hard" && budget.actions.some(({ do: action }) => action === "stop" || action === "kill"),
    );
    if (stop !== undefined) throw new BudgetExceeded(stoppedBy(stop, outcome.reservation.amounts));
    if (draft.bounds.price === undefined) {
      const unpriced = unpricedRule(budgets);
      const { endpoint } = call.options;
      if (unpriced?.rule === "deny") {
        throw new UnpricedModel({ provider: endpoint.provider, model: pricedName(facts), budget: unpriced.budget });
      }
      if (unpriced?.rule === "estimate") {
        outcome.reservation.release();
        held.pop();
        const bounds = new CallBounds(facts, estimatedPrice(endpoint.provider, facts.model), draft.bounds);
        const again = await purse.reserve(bounds.want(call));
        if (again.outcome !== "granted") return this.#notGranted(again, { ...draft, bounds });
        held.push(again.reservation);
        return this.#admitted({ ...draft, bounds, failure: undefined, budgets });
      }
    }
    return this.#admitted({ ...draft, failure: undefined, budgets });
  }

  #notGranted(outcome: Exclude<PurseOutcome, { outcome: "granted" }>, draft: AdmissionDraft): AdmissionOutcome {
    const { held, call } = draft;
    switch (outcome.outcome) {
      case "aborted":
        for (const reservation of held) reservation.release();
        return outcome;
      case "refused": {
        const text = held.length === 0 ? call.options.guard?.onRefused(outcome.error) : undefined;
        if (text === undefined) throw outcome.error;
        return { outcome: "answered", text, error: outcome.error };
      }
      case "unavailable": {
        const mode = this.config.failMode ?? (outcome.isHard ? "closed" : "open");
        const where = this.config.endpoint?.origin ?? "";
        const said = mode === "closed" ? "calls are refused" : "calls go unchecked";
        this.logger.once(
          "warn",
          `${mode}:${where}`,
          `no answer from the processor at ${where} (${outcome.reason}): ${said} (fail mode ${mode})`,
        );
        if (mode === "closed") {
          throw new GateUnavailable(
            `the processor can't be asked, and TOLLGATE_FAIL_MODE is \`closed\`: ${outcome.reason}`,
          );
        }
        return this.#admitted({ ...draft, failure: "open" });
      }
    }
  }

  #admitted(
    draft: AdmissionDraft & { readonly failure: "open" | undefined; readonly budgets?: readonly LeaseBudget[] },
  ): Admission {
    const { call, facts, bounds, held, change, failure } = draft;
    const asked = call.options.facts;
    const isCapped = facts.outputBound !== asked.outputBound;
    let granted: Amounts = { nanoUsd: UNLIMITED, tokens: UNLIMITED, calls: UNLIMITED };
    for (const reservation of held) granted = smallest(granted, reservation.amounts);
    const output = bounds.outputWithin(granted) ?? bounds.outputAsked;
    const isLowered = output < bounds.outputAsked;
    const amounts = bounds.amounts(output);
    for (const reservation of held) reservation.shrinkTo(amounts);
    return {
      outcome: "admitted",
      facts,
      bounds,
      output,
      isLowered,
      body: call.options.endpoint.rewrite(call.options.body, {
        model: facts.model,
        outputBound: isLowered || isCapped || bounds.mustSetOutput ? output : undefined,
        reasoningEffort: change.reasoningEffort,
      }),
      askedPrice: facts.model === asked.model ? undefined : this.#priceOf(call, asked),
      reservations: held,
      reserved: held.length === 0 ? 0n : amounts.nanoUsd,
      leaseId: held.find((reservation) => reservation.leaseId !== "")?.leaseId ?? "",
      budgets: draft.budgets ?? [],
      failure,
    };
  }

  #priceOf(call: GatedCall, facts: RequestFacts): ModelPrice | undefined {
    const query = { provider: call.options.endpoint.provider, at: new Date() };
    if (facts.tier === BATCH) return priceAtTier(this.#prices, { ...query, model: facts.model, tier: BATCH })?.price;
    return this.#prices.find({ ...query, model: pricedName(facts) });
  }

  /**
   * Whether the input of a call is bounded by its model's tokenizer: if somebody says so, the process or a budget that the call falls
   * under, and nobody wants its bytes. Both bounds are true ones. Budgets are known from the first answer of their lease on.
   */
  #countsTokens(labels: Readonly<Record<string, string>>): boolean {
    const budgets = this.leases?.find(labels)?.budgets ?? [];
    const wishes = [this.config.reserve, ...budgets.map(({ reserve }) => reserve)];
    return wishes.includes("tokenizer") && !wishes.includes("strict");
  }

  /** Whether a budget of the fleet counts a kind of tokens, or calls without a price. */
  #tellsKinds(): boolean {
    return this.#hello?.measures?.some((measure) => KINDS_OF_CALLS.has(measure)) ?? false;
  }

  /** The model that a guard, TOLLGATE_FALLBACK or a threshold of a fleet budget sends instead. */
  #downgrade(call: GatedCall): Downgraded {
    const { facts, guard, endpoint } = call.options;
    let model = guard?.chooseModel(facts.model) ?? facts.model;
    const purse = this.#processPurse;
    const { fallback } = this.config;
    if (purse !== undefined && fallback !== undefined && purse.spent * 10n >= purse.limit * FALLBACK_TENTHS)
      model = fallback;
    const lease = this.leases?.find({ ...call.who.labels, model, provider: endpoint.provider });
    const change = downgradedBy(lease?.budgets ?? [], model);
    return endpoint.isModelFixed === true ? { ...change, model: facts.model } : change;
  }

  /** Without a price, a hard limit of this process can't be held. */
  #refuseUnpriced(call: GatedCall, model: string): void {
    const { guard, endpoint } = call.options;
    const budget = guard?.isHard === true ? guard.name : this.#processPurse?.name;
    if (budget !== undefined) throw new UnpricedModel({ provider: endpoint.provider, model, budget });
  }

  /** An exception of our own. `undefined`: the call goes all the same. */
  contain(problem: unknown): TollgateError | undefined {
    this.failures += 1;
    const text = problem instanceof Error ? `${problem.name}: ${problem.message}` : String(problem);
    this.logger.log("error", `the gate failed inside: ${text}`);
    return this.config.failMode === "open"
      ? undefined
      : new GateUnavailable(`the gate failed inside: ${text}`, { cause: problem });
  }

  /** A call cost more than its worst case: the bound was wrong. It is counted all the same. */
  onUnderReserved(admission: Admission, actual: Amounts): void {
    this.failures += 1;
    this.logger.once(
      "error",
      `under-reserved:${admission.facts.model}`,
      `a call of \`${admission.facts.model}\` cost ${actual.nanoUsd} nano-dollars, above the ${admission.reserved} that were reserved for it`,
    );
  }

  /** Ends what is still open, as reserved. */
  endOpenCalls(): void {
    for (const call of this.open) call.end(new Error("the process ended before the answer was read"));
  }
}

interface AdmissionDraft {
  readonly call: GatedCall;
  readonly facts: RequestFacts;
  readonly bounds: CallBounds;
  readonly held: Reservation[];
  readonly change: Downgraded;
}

/** 80 % of TOLLGATE_BUDGET. */
const FALLBACK_TENTHS = 8n;

const KINDS_OF_CALLS: ReadonlySet<Measure> = new Set([
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "reasoning_tokens",
  "unpriced_calls",
  "unpriced_tokens",
]);
