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
import { Identities } from "../context/identities.ts";
import { ConfigInvalid, GateUnavailable, UnpricedModel } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import type { Amounts } from "../lease/amounts.ts";
import type { LeaseClient } from "../lease/lease-client.ts";
import { LocalPurse } from "../lease/purse.ts";
import { refusalOf } from "../lease/refusal.ts";
import type { Purse, PurseOutcome } from "../lease/purse.ts";
import { systemClock } from "../lease/clock.ts";
import { createPriceBook } from "../pricing/cached-price-book.ts";
import { isPricesDocument, validatePrices } from "../pricing/house-prices.ts";
import type { ModelPrice, PriceBook } from "../pricing/price-book.ts";
import type { HelloReply, LeaseBudget } from "../protocol.ts";
import { leastOf } from "./admission.ts";
import { priceAsServed, priceOfRequest } from "./answer-cost.ts";
import type { AdmissionDraft, AdmissionOutcome, Admission, CallLabels } from "./admission.ts";
import { CallBounds } from "./call-bound.ts";
import { CallKinds } from "./call-kind.ts";
import type { CallKind } from "./call-kind.ts";
import type { Who } from "./call-span.ts";
import { isOfKinds, rulesOf, unpricedRule } from "./budget-rules.ts";
import { CrossingEvents } from "./crossing-events.ts";
import { canAsk, downgradedBy, lowered } from "./downgrade.ts";
import type { Downgraded } from "./downgrade.ts";
import { pricedName } from "./endpoint.ts";
import type { RequestFacts } from "./endpoint.ts";
import type { CallOptions } from "./call-options.ts";
import type { GatedCall } from "./gated-call.ts";
import { estimatedPrice } from "./house-estimate.ts";
import { meetOutage } from "./outage.ts";
import { Tokenizers } from "./tokenizer.ts";
import type { Afterwork } from "../telemetry/afterwork.ts";
import { SessionBook } from "../session/session-book.ts";
import { StopGate } from "../stop/stop-gate.ts";
import type { StoppableCall } from "../stop/stop-gate.ts";

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
  /** Where calls put off what nobody waits for. @default none: all is done at once */
  readonly afterwork?: Afterwork | undefined;
  /** How long a call of a paused agent waits. */
  readonly pauseWaitMs?: number;
}

const PAUSE_WAIT_MS = 60_000;
const NO_BUDGETS: readonly LeaseBudget[] = [];
const TRACER_NAME = "@tollgate/instrumentation";

export class Gate {
  readonly config: Config;
  readonly logger: Logger;
  readonly leases: LeaseClient | undefined;
  readonly afterwork: Afterwork | undefined;
  /** Calls that have not ended: settled as reserved when the process ends. */
  readonly open = new Set<OpenCall>();
  /** What people have stopped. */
  readonly stops: StopGate;
  readonly crossings: CrossingEvents;
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
  /** A budget of the fleet counts a kind of tokens, or calls without a price. */
  #tellsKinds = false;
  readonly #processPurse: LocalPurse | undefined;
  readonly #identities = new Identities();
  readonly #kinds = new CallKinds();

  constructor({ config, logger, leases, tracer, afterwork, pauseWaitMs = PAUSE_WAIT_MS }: GateOptions) {
    this.config = config;
    this.logger = logger;
    this.leases = leases;
    this.afterwork = afterwork;
    this.crossings = new CrossingEvents(this.leases);
    leases?.sessions.bind(this.sessions);
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
    this.#tellsKinds = hello.measures?.some(isOfKinds) ?? false;
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
    return this.#identities.who(this.config, this.#hello);
  }

  /** What a call that is made here and now has in common with others. */
  kindOf(options: CallOptions): CallKind {
    return this.#kinds.of(this.who(), options);
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

  /**
   * Sets aside what the call may cost, from every purse it falls under. At once while the money is in hand; a promise only while somebody
   * has to be asked or waited for. Throws the typed errors.
   */
  admit(call: GatedCall): AdmissionOutcome | Promise<AdmissionOutcome> {
    if (this.config.problems.length > 0) throw new ConfigInvalid(this.config.problems);
    if (call.who.problem !== undefined) throw new ConfigInvalid([call.who.problem]);
    // Before a tool of the session is decided on, and nobody waits for it here.
    void this.leases?.sessions.join(call.who.labels["session"] ?? "");
    // What calls before this one have cost is spent.
    if (this.#processPurse !== undefined) this.afterwork?.catchUp();
    const { endpoint, guard } = call.options;
    const { leases } = this;
    const asked = this.#modelOf(call);
    const askedLabels =
      asked === call.kind.model ? call.kind.labels : this.#kinds.labelsOf(call.who, endpoint.provider, asked);
    const askedBudgets = this.#budgetsOf(askedLabels);
    const change = this.#downgrade(call, asked, askedBudgets);
    const chosen = lowered(call.options.facts, change);
    const isAsked = chosen.model === asked;
    const labels = isAsked ? askedLabels : this.#kinds.labelsOf(call.who, endpoint.provider, chosen.model);
    const budgets = isAsked ? askedBudgets : this.#budgetsOf(labels);
    const facts = this.#countsTokens(budgets) ? this.#tokenizers.tighten(chosen, call.options) : chosen;
    const price = this.#priceOf(call, facts);
    if (price === undefined) this.#refuseUnpriced(call, pricedName(facts));
    const bounds = new CallBounds(facts, price, { tellsKinds: this.#tellsKinds });
    const fleet: Purse | undefined = leases && { reserve: (want) => leases.reserve(labels, want) };
    const purses: Purse[] = [];
    if (guard !== undefined) purses.push(guard.purse);
    if (this.#processPurse !== undefined) purses.push(this.#processPurse);
    if (fleet !== undefined) purses.push(fleet);
    return this.#reserve({ call, facts, bounds, want: bounds.want(call), held: [], change, labels, fleet }, purses);
  }

  /** From one purse after the other; what was held is given back when one has not enough. */
  #reserve(draft: AdmissionDraft, purses: readonly Purse[]): AdmissionOutcome | Promise<AdmissionOutcome> {
    try {
      let done = 0;
      for (const purse of purses) {
        done += 1;
        const outcome = purse.reserve(draft.want);
        if (outcome instanceof Promise) return this.#reserveLater(outcome, draft, purses.slice(done));
        if (outcome.outcome !== "granted") return this.#notGranted(outcome, draft);
        draft.held.push(outcome.reservation);
      }
      return this.#reserved(draft);
    } catch (error) {
      for (const reservation of draft.held) reservation.release();
      throw error;
    }
  }

  async #reserveLater(
    outcome: Promise<PurseOutcome>,
    draft: AdmissionDraft,
    rest: readonly Purse[],
  ): Promise<AdmissionOutcome> {
    const known: Purse = { reserve: () => settled };
    const settled = await outcome.catch((error: unknown) => {
      for (const reservation of draft.held) reservation.release();
      throw error;
    });
    return this.#reserve(draft, [known, ...rest]);
  }

  /** Every purse has granted: what budgets of the fleet say beyond money. */
  #reserved(draft: AdmissionDraft): AdmissionOutcome | Promise<AdmissionOutcome> {
    const { call, facts, bounds, held, labels, fleet } = draft;
    const budgets = fleet === undefined ? NO_BUDGETS : this.#budgetsOf(labels);
    if (fleet === undefined || budgets.length === 0) return this.#admitted(draft, { failure: undefined, budgets });
    const { stop } = rulesOf(budgets);
    const own = held.at(-1);
    if (stop !== undefined) throw refusalOf(stop, own?.amounts ?? draft.want.worst);
    const unpriced = bounds.price === undefined ? unpricedRule(budgets) : undefined;
    const { provider } = call.options.endpoint;
    if (unpriced?.rule === "deny") {
      throw new UnpricedModel({ provider, model: pricedName(facts), budget: unpriced.budget });
    }
    if (unpriced?.rule === "estimate") {
      own?.release();
      held.pop();
      const estimated = new CallBounds(facts, estimatedPrice(provider, facts.model), bounds);
      return this.#reserve({ ...draft, bounds: estimated, want: estimated.want(call) }, [fleet]);
    }
    return this.#admitted(draft, { failure: undefined, budgets });
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
        const { error } = meetOutage(this, { ...outcome, what: "calls" });
        if (error !== undefined) throw error;
        return this.#admitted(draft, { failure: "open", budgets: NO_BUDGETS });
      }
    }
  }

  #admitted(
    { call, facts, bounds, held, change, want }: AdmissionDraft,
    { failure, budgets }: Pick<Admission, "failure" | "budgets">,
  ): Admission {
    const asked = call.options.facts;
    const isCapped = facts.outputBound !== asked.outputBound;
    // Nearly always all of it was granted.
    const isWhole = held.every(({ amounts }) => amounts === want.worst);
    const output = isWhole ? bounds.outputAsked : (bounds.outputWithin(leastOf(held)) ?? bounds.outputAsked);
    const isLowered = output < bounds.outputAsked;
    const amounts = isLowered ? bounds.amounts(output) : want.worst;
    if (!isWhole) for (const reservation of held) reservation.shrinkTo(amounts);
    return {
      outcome: "admitted",
      facts,
      bounds,
      output,
      isLowered,
      body: call.options.endpoint.rewrite(call.options.body, {
        model: facts.model,
        outputBound: isLowered || isCapped || bounds.mustSetOutput ? output : undefined,
        isHeld: held.length > 0,
        reasoningEffort: change.reasoningEffort,
      }),
      askedPrice: facts.model === asked.model ? undefined : this.#priceOf(call, asked),
      reservations: held,
      reserved: held.length === 0 ? 0n : amounts.nanoUsd,
      leaseId: held.find((reservation) => reservation.leaseId !== "")?.leaseId ?? "",
      budgets,
      failure,
    };
  }

  #priceOf(call: GatedCall, facts: RequestFacts): ModelPrice | undefined {
    return priceOfRequest(this.#prices, call.options, facts);
  }

  /** Of a model and a tier that an answer to the call names. */
  priceAsServed(call: GatedCall, model: string, tier: string): ModelPrice | undefined {
    return priceAsServed(this.#prices, call.options, { model, tier });
  }

  /**
   * Whether the input of a call is bounded by its model's tokenizer: if somebody says so, the process or a budget that the call falls
   * under, and nobody wants its bytes. Both bounds are true ones. Budgets are known from the first answer of their lease on.
   */
  #countsTokens(budgets: readonly LeaseBudget[]): boolean {
    const { reserve } = this.config;
    const rules = rulesOf(budgets);
    return (reserve === "tokenizer" || rules.wishesTokenizer) && reserve !== "strict" && !rules.wishesStrict;
  }

  /** Of the fleet, as its last reply told them. */
  #budgetsOf(labels: CallLabels): readonly LeaseBudget[] {
    return this.leases?.find(labels)?.budgets ?? NO_BUDGETS;
  }

  /** The model that a guard or TOLLGATE_FALLBACK sends in place of the one that was asked for. */
  #modelOf(call: GatedCall): string {
    const { facts, guard } = call.options;
    const model = guard?.chooseModel(facts.model) ?? facts.model;
    const purse = this.#processPurse;
    const { fallback } = this.config;
    if (purse === undefined || fallback === undefined) return model;
    return purse.spent * 10n >= purse.limit * FALLBACK_TENTHS ? fallback : model;
  }

  /** What a threshold of a fleet budget makes of it. */
  #downgrade(
    { options: { facts, endpoint, server } }: GatedCall,
    model: string,
    budgets: readonly LeaseBudget[],
  ): Downgraded {
    const change = downgradedBy(budgets, model);
    if (endpoint.isModelFixed === true) return { ...change, model: facts.model };
    if (change.model === model) return change;
    const query = { provider: endpoint.provider, host: server?.address, model, at: new Date() };
    if (canAsk(change.model, { endpoint, prices: this.#prices, query })) return change;
    const what = `a budget falls back to \`${change.model}\`, which a call of \`${model}\` by ${endpoint.provider} can't be made for`;
    this.logger.once("warn", `fallback:${model}`, `${what}: it keeps its model`);
    return { ...change, model };
  }

  /** Without a price, a hard limit of this process can't be held. */
  #refuseUnpriced(call: GatedCall, model: string): void {
    const { guard, endpoint } = call.options;
    const budget = guard?.isHard === true ? guard.name : this.#processPurse?.name;
    const { provider } = endpoint;
    if (budget !== undefined) throw new UnpricedModel({ provider, model, budget, isOfProcess: true });
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

  /** A call cost more than its worst case: the bound was wrong, unless the provider bills what no request shows. It is counted all the same. */
  onUnderReserved({ facts, reserved }: Admission, { nanoUsd }: Amounts, isTold = false): void {
    if (!isTold) this.failures += 1;
    this.logger.once(
      isTold ? "warn" : "error",
      `under-reserved:${facts.model}`,
      `a call of \`${facts.model}\` cost ${nanoUsd} nano-dollars${isTold ? ", as its provider says," : ","} more than was reserved for it (${reserved})`,
    );
  }

  /** Ends what is still open, as reserved. */
  endOpenCalls(): void {
    for (const call of this.open) call.end(new Error("the process ended before the answer was read"));
  }
}

/** 80 % of TOLLGATE_BUDGET. */
const FALLBACK_TENTHS = 8n;
