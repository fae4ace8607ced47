/**
 * One query of `@anthropic-ai/claude-agent-sdk`: a process of its own that calls models out of sight. It gets money from the
 * purses before it starts, is told to stop when it has spent that (`maxBudgetUsd`), and is charged by what it reports.
 */
import { context, SpanKind, trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { ConfigInvalid } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import { endWhenAbandoned } from "../gate/abandonment.ts";
import { NO_USAGE } from "../gate/call-bound.ts";
import { recordCost, recordError, recordRefusal, recordUsage, whoAttributes } from "../gate/call-span.ts";
import type { Who } from "../gate/call-span.ts";
import type { Gate } from "../gate/gate.ts";
import { meetOutage } from "../gate/outage.ts";
import type { Amounts } from "../lease/amounts.ts";
import { UNLIMITED } from "../lease/purse.ts";
import type { PurseOutcome, Reservation, Want } from "../lease/purse.ts";
import type { NanoUsd } from "../pricing/money.ts";
import * as semconv from "../semconv.ts";
import { readReport } from "./usage-report.ts";
import type { ModelReport } from "./usage-report.ts";

/** What a query asks for where the app names no `maxBudgetUsd` and a hard budget has to be held. */
const ASKED_NANO_USD = 5_000_000_000n;
/** Below this, not even one answer can be paid. */
const LEAST_NANO_USD = 10_000_000n;

export interface AgentRunOptions {
  readonly gate: Gate;
  /** The app's own `maxBudgetUsd`. */
  readonly maxBudgetUsd: number | undefined;
  readonly model: string | undefined;
  /** Ends the process. */
  readonly abort: (reason: unknown) => void;
}

export class AgentRun {
  readonly who: Who;
  readonly span: Span;
  readonly context: Context;
  readonly #options: AgentRunOptions;
  readonly #startedAt = new Date();
  readonly #held: Reservation[] = [];
  /** See {@link awaitReader}. */
  unread: object | undefined;
  #readOn: () => void = () => {};
  #report: readonly ModelReport[] | undefined;
  #prompts = 0;
  #reports = 0;
  #stopped: TollgateError | undefined;
  #isEnded = false;

  constructor(options: AgentRunOptions) {
    const { gate, model } = options;
    this.#options = options;
    this.who = gate.who();
    this.span = gate.tracer.startSpan(`${semconv.Operation.invokeAgent} claude`, {
      kind: SpanKind.INTERNAL,
      attributes: {
        [semconv.ATTR_GEN_AI_OPERATION_NAME]: semconv.Operation.invokeAgent,
        [semconv.ATTR_GEN_AI_PROVIDER_NAME]: semconv.Provider.anthropic,
        [semconv.ATTR_GEN_AI_AGENT_NAME]: "claude",
        ...(model === undefined ? {} : { [semconv.ATTR_GEN_AI_REQUEST_MODEL]: model }),
        ...whoAttributes(this.who),
      },
    });
    this.context = trace.setSpan(context.active(), this.span);
    gate.open.add(this);
  }

  get stopped(): TollgateError | undefined {
    return this.#stopped;
  }

  /** The dollars that the process may spend; `undefined`: as the app has it. Rejects with the typed errors. */
  async admit(): Promise<number | undefined> {
    try {
      const { gate, maxBudgetUsd } = this.#options;
      if (gate.config.problems.length > 0) throw new ConfigInvalid(gate.config.problems);
      if (this.who.problem !== undefined) throw new ConfigInvalid([this.who.problem]);
      // Who is paused is in the ledger's first word.
      if (gate.leases?.hello === undefined) await gate.leases?.reached();
      await gate.stops.pass(this.who, undefined);
      const labels = { ...this.who.labels, provider: semconv.Provider.anthropic };
      const asked = maxBudgetUsd === undefined ? ASKED_NANO_USD : BigInt(Math.floor(maxBudgetUsd * 1e9));
      for (const purse of gate.purses(labels)) this.#take(await purse.reserve(wantOf(asked)));
      const isBound = gate.isHardInUsd(labels);
      const granted = this.#held.reduce((least, { amounts }) => min(least, amounts.nanoUsd), asked);
      const leaseId = this.#held.find((reservation) => reservation.leaseId !== "")?.leaseId;
      if (leaseId !== undefined) this.span.setAttribute(semconv.ATTR_TOLLGATE_LEASE_ID, leaseId);
      this.span.setAttribute(semconv.ATTR_TOLLGATE_DECISION, semconv.DecisionName.allow);
      if (isBound) this.span.setAttribute(semconv.ATTR_TOLLGATE_RESERVED_NANO_USD, Number(granted));
      const stopped = this.#stopped ?? gate.stops.killed(this.who);
      if (stopped !== undefined) throw stopped;
      return isBound ? Number(granted) / 1e9 : undefined;
    } catch (problem) {
      recordRefusal(this.span, problem as TollgateError);
      this.neverStarted(problem);
      throw problem;
    }
  }

  /** There is no process that could spend. */
  neverStarted(problem: unknown): void {
    for (const reservation of this.#held.splice(0)) reservation.release();
    this.#close(problem);
  }

  #take(outcome: PurseOutcome): void {
    const { gate } = this.#options;
    switch (outcome.outcome) {
      case "granted":
        this.#held.push(outcome.reservation);
        return;
      case "refused":
        throw outcome.error;
      case "aborted":
        return;
      case "unavailable": {
        const { mode, error } = meetOutage(gate, { ...outcome, what: "calls" });
        this.span.setAttribute(semconv.ATTR_TOLLGATE_FAILURE_MODE, mode);
        if (error !== undefined) throw error;
      }
    }
  }

  /** The process is given something to work on. */
  prompted(): void {
    this.#prompts += 1;
  }

  /** A message of the process: the last result has the totals. */
  read(message: unknown): void {
    const report = readReport(message);
    if (report === undefined) return;
    this.#report = report;
    this.#reports += 1;
  }

  /** When nobody can read the app's `query` any more, `readOn` is to hear the rest: the process works on, and reports. Must not hold the query. */
  awaitReader(query: object, readOn: () => void): void {
    this.#readOn = readOn;
    endWhenAbandoned(this, query, this.#options.gate.open);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  abandon(): void {
    this.#readOn();
  }

  /** Somebody stopped its agent. */
  stop(error: TollgateError): boolean {
    if (this.#isEnded || this.#stopped !== undefined) return false;
    this.#stopped = error;
    this.#options.abort(error);
    return true;
  }

  /** The process has ended by itself: its last report is of all that it did. */
  done(): void {
    this.#prompts = this.#reports;
    this.end();
  }

  /** It was left or has failed: what it has not reported on counts as all that it was given. */
  end(error?: unknown): void {
    if (this.#isEnded) return;
    const report = this.#isReported ? (this.#report ?? []) : this.#worst();
    for (const model of report) this.#tell(model);
    const spent = report.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0n);
    const tokens = report.reduce((sum, { usage }) => sum + BigInt(usage.input + usage.output), 0n);
    for (const reservation of this.#held.splice(0)) reservation.settle({ nanoUsd: spent, tokens, calls: 1n });
    this.#close(error);
  }

  #close(error: unknown): void {
    this.#isEnded = true;
    this.#options.gate.open.delete(this);
    if (error !== undefined) recordError(this.span, error);
    this.span.end();
  }

  /** Prompts that the process takes together have one report: they count as not reported on, unless it ends by itself. */
  get #isReported(): boolean {
    return this.#report !== undefined && this.#reports >= this.#prompts;
  }

  /** What is reported, and on top all else that the process could spend. */
  #worst(): readonly ModelReport[] {
    const report = this.#report ?? [];
    const given = this.#held.reduce((least, { amounts }) => min(least, amounts.nanoUsd), UNLIMITED);
    const nanoUsd = given - report.reduce((sum, each) => sum + each.nanoUsd, 0n);
    if (given >= UNLIMITED || nanoUsd <= 0n) return report;
    return [...report, { model: this.#options.model ?? "", usage: NO_USAGE, nanoUsd }];
  }

  /** Cost is on the calls of models, and so a span for each model stands for its calls. */
  #tell({ model, usage, nanoUsd }: ModelReport): void {
    const attributes = {
      [semconv.ATTR_GEN_AI_OPERATION_NAME]: semconv.Operation.chat,
      [semconv.ATTR_GEN_AI_PROVIDER_NAME]: semconv.Provider.anthropic,
      ...(model !== "" && { [semconv.ATTR_GEN_AI_REQUEST_MODEL]: model }),
      [semconv.ATTR_TOLLGATE_DECISION]: semconv.DecisionName.allow,
      ...whoAttributes(this.who),
    };
    const name = model === "" ? semconv.Operation.chat : `${semconv.Operation.chat} ${model}`;
    const options = { kind: SpanKind.CLIENT, attributes, startTime: this.#startedAt };
    const span = this.#options.gate.tracer.startSpan(name, options, this.context);
    const leaseId = this.#held.find((reservation) => reservation.leaseId !== "")?.leaseId;
    if (leaseId !== undefined) span.setAttribute(semconv.ATTR_TOLLGATE_LEASE_ID, leaseId);
    recordUsage(span, usage);
    recordCost(span, { nanoUsd: nanoUsd as NanoUsd, status: semconv.CostStatus.estimated, priceVersion: undefined });
    span.end();
  }
}

function min(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function wantOf(asked: bigint): Want {
  const amounts = (nanoUsd: bigint): Amounts => ({ nanoUsd, tokens: 0n, calls: 1n });
  const least = min(asked, LEAST_NANO_USD);
  return {
    worst: amounts(asked),
    least: amounts(least),
    fitting: (available) => {
      const nanoUsd = min(available.nanoUsd, asked);
      return nanoUsd < least || available.calls < 1n ? undefined : amounts(nanoUsd);
    },
    signal: undefined,
  };
}
