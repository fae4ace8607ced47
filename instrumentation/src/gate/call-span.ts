/** The span of one call: GenAI conventions, and what Tollgate decided and counted. */
import { SpanStatusCode } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import { countDecision } from "../audit/decision-order.ts";
import type { TollgateContext } from "../context/context.ts";
import { ErrorCode, findTollgateError } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import { formatUsd } from "../pricing/money.ts";
import type { NanoUsd } from "../pricing/money.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import type { LeaseBudget } from "../protocol.ts";
import * as semconv from "../semconv.ts";
import { setAttribute, setAttributes } from "./set-attributes.ts";
import type { Admission } from "./admission.ts";
import type { CallKind } from "./call-kind.ts";
import type { AnswerFacts, Endpoint, RequestFacts } from "./endpoint.ts";

export interface Server {
  readonly address: string;
  readonly port: number;
}

export interface Who {
  readonly agent: string;
  readonly isVerified: boolean | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly context: TollgateContext;
  /** Why nothing may be done in this name. */
  readonly problem?: string;
}

/** Starts `chat {model}` with what all calls of its kind say. */
export function startCallSpan(tracer: Tracer, kind: CallKind, parent: Context): Span {
  return tracer.startSpan(kind.spanName, kind.spanOptions, parent);
}

/** What the request says. */
export function recordRequest(span: Span, facts: RequestFacts): void {
  if (facts.isStreamed) setAttribute(span, semconv.ATTR_GEN_AI_REQUEST_STREAM, true);
  setAttributes(span, facts.attributes);
  if (facts.outputBound !== undefined && facts.takesNoBound !== true)
    setAttribute(span, semconv.ATTR_GEN_AI_REQUEST_MAX_TOKENS, facts.outputBound);
  if (facts.tier !== "") setAttribute(span, semconv.ATTR_TOLLGATE_SERVICE_TIER, facts.tier);
  if (facts.choices !== 1) setAttribute(span, semconv.ATTR_GEN_AI_REQUEST_CHOICE_COUNT, facts.choices);
}

/** What was decided of the request, and what may be sent. */
export function recordAdmission(
  span: Span,
  { facts, bounds, output, isLowered, leaseId, budgets, failure, reserved }: Admission,
  asked: { readonly facts: RequestFacts; readonly endpoint: Endpoint },
): void {
  setAttribute(span, semconv.ATTR_TOLLGATE_DECISION, semconv.DecisionName.allow);
  if (leaseId !== "") setAttribute(span, semconv.ATTR_TOLLGATE_LEASE_ID, leaseId);
  if (reserved > 0n) setAttribute(span, semconv.ATTR_TOLLGATE_RESERVED_NANO_USD, Number(reserved));
  recordBudget(span, budgets);
  if (failure !== undefined) span.setAttribute(semconv.ATTR_TOLLGATE_FAILURE_MODE, failure);
  if (facts.model !== asked.facts.model) {
    span.setAttribute(semconv.ATTR_TOLLGATE_BUDGET_ACTION, "downgrade");
    span.setAttribute(semconv.ATTR_TOLLGATE_FALLBACK_FROM, asked.facts.model);
    span.setAttribute(semconv.ATTR_GEN_AI_REQUEST_MODEL, facts.model);
    span.updateName(`${asked.endpoint.operation} ${facts.model}`);
  }
  if (isLowered || bounds.mustSetOutput) {
    span.setAttribute(semconv.ATTR_TOLLGATE_BOUND_OUTPUT_TOKENS, output);
    span.setAttribute(semconv.ATTR_GEN_AI_REQUEST_MAX_TOKENS, output);
  }
  if (isLowered) {
    span.setAttribute(semconv.ATTR_TOLLGATE_BUDGET_ACTION, "lowered_output_bound");
    span.setAttribute(semconv.ATTR_TOLLGATE_BOUND_REQUESTED_TOKENS, bounds.outputAsked);
  }
}

const attributesOfWho = new WeakMap<Who, Attributes>();

/** Agent, session and labels, as every span of the gate carries them. Not to be changed: they are those of many spans. */
export function whoAttributes(who: Who): Attributes {
  let attributes = attributesOfWho.get(who);
  if (attributes === undefined) attributesOfWho.set(who, (attributes = describe(who)));
  return attributes;
}

function describe({ agent, isVerified, labels, context }: Who): Attributes {
  const attributes: Attributes = { [semconv.ATTR_TOLLGATE_AGENT_NAME]: agent };
  const set = (name: string, value: string | boolean | undefined): void => {
    if (value !== undefined) attributes[name] = value;
  };
  set(semconv.ATTR_TOLLGATE_AGENT_VERIFIED, isVerified);
  set(semconv.ATTR_TOLLGATE_AGENT_TEAM, labels["team"]);
  set(semconv.ATTR_TOLLGATE_AGENT_ROLE, labels["role"]);
  set(semconv.ATTR_TOLLGATE_AGENT_OWNER, labels["owner"]);
  set(semconv.ATTR_TOLLGATE_AGENT_PARENT, context.parentAgent);
  set(semconv.ATTR_TOLLGATE_SESSION_ID, context.session);
  set(semconv.ATTR_TOLLGATE_WORKFLOW_ID, context.workflow);
  set(semconv.ATTR_USER_ID, context.user);
  for (const key in context.labels) set(semconv.ATTR_TOLLGATE_LABEL_PREFIX + key, context.labels[key]);
  return attributes;
}

export function recordAnswer(span: Span, answer: AnswerFacts, asked: Pick<RequestFacts, "tier">): void {
  setAttribute(span, semconv.ATTR_GEN_AI_RESPONSE_ID, answer.id);
  setAttribute(span, semconv.ATTR_GEN_AI_RESPONSE_MODEL, answer.model);
  if (answer.finishReasons.length > 0)
    setAttribute(span, semconv.ATTR_GEN_AI_RESPONSE_FINISH_REASONS, answer.finishReasons as string[]);
  const { tier } = answer;
  if (tier !== undefined && tier !== asked.tier)
    setAttribute(span, semconv.ATTR_TOLLGATE_SERVICE_TIER, tier === "" ? "default" : tier);
}

export function recordUsage(span: Span, usage: TokenUsage): void {
  setAttribute(span, semconv.ATTR_GEN_AI_USAGE_INPUT_TOKENS, usage.input);
  setAttribute(span, semconv.ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, usage.output);
  recordPart(span, semconv.ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, usage.cacheRead);
  recordPart(span, semconv.ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, usage.cacheWrite);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS, usage.cacheWrite1h);
  recordPart(span, semconv.ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, usage.reasoning);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS, usage.audio?.input);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_CACHE_READ_AUDIO_TOKENS, usage.audio?.cacheRead);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS, usage.audio?.output);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_INPUT_IMAGE_TOKENS, usage.image?.input);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_OUTPUT_IMAGE_TOKENS, usage.image?.output);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_INPUT_VIDEO_TOKENS, usage.video?.input);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_OUTPUT_VIDEO_TOKENS, usage.video?.output);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_WEB_SEARCHES, usage.hostedCalls?.webSearches);
  recordPart(span, semconv.ATTR_TOLLGATE_USAGE_FILE_SEARCHES, usage.hostedCalls?.fileSearches);
}

function recordPart(span: Span, key: string, value: number | undefined): void {
  if (value !== 0) setAttribute(span, key, value);
}

export interface CallCost {
  readonly nanoUsd: NanoUsd;
  readonly status: semconv.CostStatus;
  readonly priceVersion: string | undefined;
}

export function recordCost(span: Span, { nanoUsd, status, priceVersion }: CallCost): void {
  const isKnown = status !== semconv.CostStatus.unpriced && status !== semconv.CostStatus.missing;
  setAttribute(span, semconv.ATTR_TOLLGATE_COST_STATUS, status);
  setAttribute(span, semconv.ATTR_TOLLGATE_COST_KNOWN, isKnown);
  if (!isKnown) return;
  setAttribute(span, semconv.ATTR_TOLLGATE_COST_USD, formatUsd(nanoUsd));
  setAttribute(span, semconv.ATTR_TOLLGATE_COST_NANO_USD, Number(nanoUsd));
  setAttribute(span, semconv.ATTR_TOLLGATE_COST_PRICE_VERSION, priceVersion);
}

/** Of one reply of the ledger: the attributes of many calls. */
const budgetAttributes = new WeakMap<readonly LeaseBudget[], Attributes>();

/** The budget with the least left in proportion, of those counted in money. */
export function recordBudget(span: Span, budgets: readonly LeaseBudget[]): void {
  let attributes = budgetAttributes.get(budgets);
  if (attributes === undefined) {
    attributes = describeTightest(budgets);
    budgetAttributes.set(budgets, attributes);
  }
  setAttributes(span, attributes);
}

function describeTightest(budgets: readonly LeaseBudget[]): Attributes {
  let tightest: LeaseBudget | undefined;
  for (const budget of budgets) {
    if (budget.measure !== "usd") continue;
    if (tightest === undefined || isTighter(budget, tightest)) tightest = budget;
  }
  if (tightest === undefined) return {};
  return {
    [semconv.ATTR_TOLLGATE_BUDGET_NAME]: tightest.name,
    [semconv.ATTR_TOLLGATE_BUDGET_LIMIT_USD]: formatUsd(BigInt(tightest.limit) as NanoUsd),
    [semconv.ATTR_TOLLGATE_BUDGET_REMAINING_USD]: formatUsd(BigInt(tightest.remaining) as NanoUsd),
  };
}

function isTighter(budget: LeaseBudget, than: LeaseBudget): boolean {
  return BigInt(budget.remaining) * BigInt(than.limit) < BigInt(than.remaining) * BigInt(budget.limit);
}

/** A call that was not made: it has a decision, no usage, cost 0, status exact. */
export function recordRefusal(span: Span, error: TollgateError): void {
  countDecision(span);
  setAttributes(span, {
    [semconv.ATTR_TOLLGATE_DECISION]: semconv.DecisionName.deny,
    [semconv.ATTR_TOLLGATE_DECISION_RULE]: ruleOf(error),
    [semconv.ATTR_TOLLGATE_DECISION_REASON]: error.message,
  });
  if ("budget" in error && typeof error.budget === "string") {
    span.setAttribute(semconv.ATTR_TOLLGATE_BUDGET_NAME, error.budget);
  }
  recordCost(span, { nanoUsd: 0n as NanoUsd, status: semconv.CostStatus.exact, priceVersion: undefined });
  // Nothing was spent, exactly; but what the call would have cost, nobody knows.
  if (error.code === ErrorCode.unpricedModel) span.setAttribute(semconv.ATTR_TOLLGATE_COST_KNOWN, false);
}

/** What a refusal without a policy is recorded under. */
export function ruleOf({ code }: TollgateError): string {
  if (code === ErrorCode.agentKilled) return "kill";
  return code === ErrorCode.agentPaused ? "pause" : code;
}

export function recordError(span: Span, error: unknown): void {
  const refusal = findTollgateError(error);
  span.setAttribute(semconv.ATTR_ERROR_TYPE, refusal?.code ?? errorType(error));
  // A provider's message may quote the prompt: only our own goes on the span.
  span.setStatus({ code: SpanStatusCode.ERROR, ...(refusal === undefined ? {} : { message: refusal.message }) });
}

/** What JSON-RPC keeps for itself and for protocols over it. */
function isRpcCode(code: unknown): boolean {
  return Number.isInteger(code) && Number(code) >= -32_768 && Number(code) <= -32_000;
}

function errorType(error: unknown): string {
  if (typeof error === "object" && error !== null) {
    // The AI SDK's word for it is `statusCode`.
    const status = "status" in error ? error.status : "statusCode" in error ? error.statusCode : undefined;
    if (typeof status === "number") return String(status);
    if ("code" in error && isRpcCode(error.code)) return String(error.code);
  }
  return error instanceof Error ? error.constructor.name : "_OTHER";
}
