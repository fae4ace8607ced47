/**
 * One call of the app, over all its attempts: admitted, sent, settled, told. Whatever happens, each attempt ends settled or
 * released exactly once, and the span ends exactly once; both by the first of: the answer was read, the stream ended or was
 * given up, an error, the garbage collector, the end of the process.
 */
import { context } from "@opentelemetry/api";
import type { Span } from "@opentelemetry/api";
import { countDecision } from "../audit/decision-order.ts";
import type { Message } from "../content/messages.ts";
import { withoutCarried } from "../context/context.ts";
import { GateUnavailable, TollgateError } from "../errors.ts";
import { NO_AMOUNTS } from "../lease/amounts.ts";
import type { NanoUsd } from "../pricing/money.ts";
import type { ModelPrice } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import type { Admission, AdmissionOutcome } from "./admission.ts";
import { chargeOf, seenCost, worstCost } from "./answer-cost.ts";
import type { AnswerCost } from "./answer-cost.ts";
import type { Gate } from "./gate.ts";
import { endWhenAbandoned } from "./abandonment.ts";
import type { AnswerPlan, AttemptPlan } from "./attempt-plan.ts";
import { CallContext } from "./call-context.ts";
import { CallStop } from "./call-stop.ts";
import type { CallKind } from "./call-kind.ts";
import type { CallOptions } from "./call-options.ts";
import type { CallInFlight, Hop, SentRequest } from "./current-call.ts";
import { Departure } from "./departure.ts";
import type { Afterwork, PutOff } from "../telemetry/afterwork.ts";
import { GateSpan } from "../telemetry/gate-span.ts";
import { CallAccount } from "./call-account.ts";
import { NO_USAGE, usageAmounts } from "./call-bound.ts";
import type { SeenAnswer } from "./call-bound.ts";
import {
  recordAnswer,
  recordAdmission,
  recordCost,
  recordError,
  recordRefusal,
  recordRequest,
  startCallSpan,
} from "./call-span.ts";
import type { Who } from "./call-span.ts";
import { isCounted } from "./endpoint.ts";
import { wasNeverSent } from "./never-sent.ts";
import type { SentBody } from "./sent-body.ts";
import type { AnswerFacts, RequestFacts } from "./endpoint.ts";

export class GatedCall implements CallInFlight, PutOff {
  readonly options: CallOptions;
  readonly kind: CallKind;
  readonly span: Span;
  /** The app reads the answer through the SDK's own parsing, so the raw response need not be watched. */
  isParsing = false;
  isAnswered = false;
  isSpent = false;
  sent: SentRequest | undefined;
  hop: Hop | undefined;
  body: SentBody | undefined;
  departure = new Departure();
  /** See {@link awaitReader}. */
  unread: object | undefined;
  readonly #gate: Gate;
  readonly #startedAtMs = performance.now();
  /** Of the request that is on the wire. */
  #attempt: Admission | undefined;
  readonly #account = new CallAccount();
  #price: ModelPrice | undefined;
  #isEnded = false;
  #isRefused = false;
  #sawFirstChunk = false;
  readonly #stop = new CallStop();
  #signal: AbortSignal | undefined;
  #context: CallContext | undefined;
  /** `undefined`: nothing of the call is put off. */
  readonly #afterwork: Afterwork | undefined;
  #isPutOff = false;
  /** Not on the span yet. */
  #unsaidRequest: RequestFacts | undefined;
  #unsaidAdmission: Admission | undefined;
  /** Not settled yet. */
  #answer: AnswerFacts | undefined;
  /** Its end is not on the span yet. */
  #hasUnsaidEnd = false;

  constructor(gate: Gate, options: CallOptions) {
    this.#gate = gate;
    this.options = options;
    this.kind = gate.kindOf(options);
    this.span = startCallSpan(gate.tracer, this.kind, options.parent);
    // Who guards a client looks at its counters as soon as the answer is there.
    this.#afterwork = options.guard === undefined && this.span instanceof GateSpan ? gate.afterwork : undefined;
    this.#unsaidRequest = options.facts;
    if (this.#afterwork === undefined) this.catchUp();
    gate.content?.input(this.span, options.body);
    gate.open.add(this);
  }

  /** The call counts as reserved when nobody can read this any more. */
  awaitReader(answer: object): void {
    endWhenAbandoned(this, answer, this.#gate.open);
  }

  /** Puts what the model said on the span, where content is recorded. */
  recordOutput(messages: () => readonly Message[]): void {
    this.#gate.content?.output(this.span, messages);
  }

  /** How much of a stream's text to keep for its span; 0: none. */
  get contentLengthMax(): number {
    return this.#gate.content?.bytesMax ?? 0;
  }

  /**
   * Aborts when the app gives the call up or somebody stops its agent. Made when it is first asked for: an SDK that gets a signal
   * combines it with others, which costs more than all else that the gate does.
   */
  get signal(): AbortSignal {
    return (this.#signal ??= this.#stop.signalWith(this.options.signal));
  }

  /** Calls `listener` when somebody stops the call; at once when that has happened. */
  onStop(listener: (error: TollgateError) => void): void {
    this.#stop.onStop(listener);
  }

  /** The context in which the SDK works on the request: the provider learns the trace, not whose work it is. */
  get context(): CallContext {
    return (this.#context = new CallContext(withoutCarried(context.active()), { call: this, span: this.span }));
  }

  get who(): Who {
    return this.kind.who;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Why the call was given up in the middle: what the app gets instead of the SDK's own word for an abort. */
  get stopped(): TollgateError | undefined {
    return this.#stop.error;
  }

  /** Gives the call up: the request on the wire is aborted, and counts by what was seen of its answer. */
  stop(error: TollgateError): boolean {
    return this.#stop.stop(error);
  }

  /**
   * Before each request on the wire. At once, unless the call has to wait for something. Throws the typed errors, and ends the call when it
   * does.
   */
  begin(): AttemptPlan | Promise<AttemptPlan> {
    this.sent = undefined;
    try {
      this.giveUpAttempt();
      this.departure = new Departure();
      this.isAnswered = this.isSpent = false;
      if (this.stopped !== undefined) throw this.stopped;
      const { stops, leases } = this.#gate;
      // Who is paused is in the ledger's first word: a process that just started must not slip past it.
      const isKnown = leases === undefined || leases.hello !== undefined;
      if (!isKnown || !stops.isOpen(this.who)) return this.#beginLater();
      const admission = this.#gate.admit(this);
      return admission instanceof Promise ? this.#beginLater(admission) : this.#planOf(admission);
    } catch (problem) {
      return this.#notAdmitted(problem);
    }
  }

  async #beginLater(asked?: Promise<AdmissionOutcome>): Promise<AttemptPlan> {
    const { stops, leases } = this.#gate;
    try {
      if (asked !== undefined) return this.#planOf(await asked);
      if (leases !== undefined && leases.hello === undefined) await leases.reached();
      if (!stops.isOpen(this.who)) await stops.pass(this.who, this.signal);
      return this.#planOf(await this.#gate.admit(this));
    } catch (problem) {
      return this.#notAdmitted(problem);
    }
  }

  #planOf(admission: AdmissionOutcome): AttemptPlan {
    // Stopped while it waited, for money or for the ledger's first word.
    const stopped = this.stopped ?? this.#gate.stops.killed(this.who);
    if (stopped !== undefined) {
      if (admission.outcome === "admitted") for (const reservation of admission.reservations) reservation.release();
      throw stopped;
    }
    if (admission.outcome === "aborted") return { do: "pass" };
    if (admission.outcome === "answered") {
      this.#refuse(admission.error);
      this.end();
      return { do: "answer", text: admission.text, error: admission.error };
    }
    this.#attempt = admission;
    this.#price = admission.bounds.price;
    countDecision(this.span);
    this.#unsaidAdmission = admission;
    this.#putOff();
    return { do: "send", body: admission.body };
  }

  #notAdmitted(problem: unknown): AttemptPlan {
    const error = problem instanceof TollgateError ? problem : this.#gate.contain(problem);
    if (error === undefined) {
      this.span.setAttribute(semconv.ATTR_TOLLGATE_FAILURE_MODE, "open");
      return { do: "send", body: this.options.body };
    }
    this.#refuse(error);
    this.end(error);
    throw error;
  }

  /** The answer in the provider's own shape. Throws the plan's error where it can't be made. */
  blockedAnswer({ text, error }: AnswerPlan): string {
    try {
      return this.options.endpoint.blockedAnswer(this.options.body, text);
    } catch (problem) {
      this.contain(problem);
      throw error;
    }
  }

  #refuse(error: TollgateError): void {
    this.#isRefused = true;
    recordRefusal(this.span, error);
    this.#gate.crossings.tell(this);
    if (error instanceof GateUnavailable) this.span.setAttribute(semconv.ATTR_TOLLGATE_FAILURE_MODE, "closed");
  }

  /** Of the request that is on the wire. */
  get admission(): Admission | undefined {
    return this.#attempt;
  }

  /** Another call sends its request, and pays for it. */
  giveWay(): void {
    if (this.departure.mayHaveLeft) return this.giveUpAttempt();
    this.releaseAttempt();
    this.#account.add({ usage: NO_USAGE, amounts: { ...NO_AMOUNTS, calls: 1n }, status: "exact", asked: 0n });
  }

  /** Not billed: it never left this process, or the provider answered with an error instead of a result. */
  releaseAttempt(): void {
    const attempt = this.#takeAttempt();
    for (const reservation of attempt?.reservations ?? []) reservation.release();
  }

  /** No answer came, as `error` says: it may have been billed, and counts as what was reserved, unless nothing has begun to leave. */
  giveUpAttempt(error?: unknown): void {
    if (this.#attempt !== undefined && this.departure.holdBack(wasNeverSent(error))) {
      this.span.setAttribute(semconv.ATTR_TOLLGATE_CALL_UNSENT, true);
      this.releaseAttempt();
    }
    const attempt = this.#takeAttempt();
    if (attempt !== undefined) this.#count(attempt, worstCost(attempt));
  }

  /**
   * Settles by what the answer says of its usage; where it says nothing, by what was `seen` of it. What is wrong with our own
   * reading of it is contained: the attempt then counts as reserved.
   */
  settleBy(read: () => AnswerFacts, seen?: () => SeenAnswer): void {
    try {
      const facts = read();
      if (facts.usage === undefined && seen !== undefined) {
        this.catchUp();
        this.settleSeen(facts, seen());
        return;
      }
      this.#answer = facts;
      this.#putOff();
    } catch (problem) {
      this.#failedInside(problem);
    }
  }

  /** After what the app waits for; at once where nothing is put off. */
  #putOff(): void {
    if (this.#afterwork === undefined) this.catchUp();
    else if (!this.#isPutOff) {
      this.#isPutOff = true;
      this.#afterwork.add(this);
    }
  }

  /** Says on the span what was put off, and settles. */
  catchUp(): void {
    this.#isPutOff = false;
    const request = this.#unsaidRequest;
    const admission = this.#unsaidAdmission;
    const answer = this.#answer;
    this.#unsaidRequest = this.#unsaidAdmission = this.#answer = undefined;
    try {
      if (request !== undefined) recordRequest(this.span, request);
      if (admission !== undefined) {
        recordAdmission(this.span, admission, this.options);
        this.#gate.crossings.tell(this, admission.budgets);
      }
      if (answer !== undefined) this.settle(answer);
    } catch (problem) {
      this.#failedInside(problem);
    }
    if (this.#hasUnsaidEnd) this.#sayEnd();
  }

  #failedInside(problem: unknown): void {
    this.contain(problem);
    this.giveUpAttempt();
  }

  /** A mistake of our own, after the request was sent: too late to refuse, so it is counted and told. */
  contain(problem: unknown): void {
    this.#gate.contain(problem);
  }

  /** The provider said what it used. */
  settle(answer: AnswerFacts): void {
    recordAnswer(this.span, answer, this.options.facts);
    if (!isCounted(answer)) {
      this.giveUpAttempt();
      return;
    }
    const attempt = this.#takeAttempt();
    if (attempt === undefined) return;
    const charged = chargeOf(answer, attempt, {
      find: (model, tier) => this.#gate.priceAsServed(this, model, tier),
      fail: (problem) => this.contain(problem),
    });
    this.#count(attempt, charged);
  }

  /** The answer ended, or was given up, without a count of its own. */
  settleSeen(answer: AnswerFacts, seen: SeenAnswer): void {
    recordAnswer(this.span, answer, this.options.facts);
    const attempt = this.#takeAttempt();
    if (attempt !== undefined) this.#count(attempt, seenCost(attempt, seen));
  }

  firstChunk(): void {
    if (this.#sawFirstChunk) return;
    this.#sawFirstChunk = true;
    const seconds = (performance.now() - this.#startedAtMs) / 1_000;
    this.span.setAttribute(semconv.ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, seconds);
  }

  /** Ends the call: what is still open counts as reserved. */
  end(error?: unknown): void {
    if (this.#isEnded) return;
    const isPutOff = error === undefined && this.#answer !== undefined && this.span instanceof GateSpan;
    if (!isPutOff) {
      this.catchUp();
      this.giveUpAttempt();
    }
    this.#isEnded = true;
    this.#gate.open.delete(this);
    this.#stop.end();
    this.#context?.leave();
    this.unread = undefined;
    if (isPutOff) {
      (this.span as GateSpan).stopClock();
      this.#hasUnsaidEnd = true;
    } else this.#sayEnd(error);
  }

  #sayEnd(error?: unknown): void {
    this.#hasUnsaidEnd = false;
    // Where the answer could not be settled by.
    this.giveUpAttempt();
    if (!this.#account.isEmpty) {
      this.options.guard?.onSettled();
      this.#account.record(this.span, this.#price?.version);
    } else if (!this.#isRefused) {
      const status = error === undefined && !this.isSpent ? semconv.CostStatus.missing : semconv.CostStatus.exact;
      recordCost(this.span, { nanoUsd: 0n as NanoUsd, status, priceVersion: undefined });
    }
    if (error !== undefined) recordError(this.span, error);
    this.span.end();
  }

  #takeAttempt(): Admission | undefined {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.isSpent ||= attempt !== undefined;
    return attempt;
  }

  #count(admission: Admission, cost: AnswerCost): void {
    const { usage } = cost;
    const actual = usageAmounts(usage, cost.nanoUsd, admission.bounds);
    for (const reservation of admission.reservations) {
      if (actual.nanoUsd > reservation.amounts.nanoUsd) this.#gate.onUnderReserved(admission, actual, cost.isTold);
      reservation.settle(actual);
    }
    this.#gate.sessions.of(this.who.labels["session"] ?? "").spend(cost.nanoUsd);
    const asked = admission.askedPrice?.cost(usage) ?? 0n;
    this.#account.add({ usage, amounts: actual, status: cost.status, asked });
  }
}
