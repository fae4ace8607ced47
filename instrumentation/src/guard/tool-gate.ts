/** The gate before a tool: policies of the fleet and of this process decide, a span tells, and only then the tool runs. */
import { context, SpanKind, trace } from "@opentelemetry/api";
import type { Attributes, Span } from "@opentelemetry/api";
import { obtainApproval } from "../approval/tool-approval.ts";
import { countDecision } from "../audit/decision-order.ts";
import { readPolicyFile } from "../config/policy-file.ts";
import {
  AgentKilled,
  AgentPaused,
  ApprovalRequired,
  BudgetExceeded,
  ConfigInvalid,
  GateUnavailable,
  ToolDenied,
  TollgateError,
} from "../errors.ts";
import type { Gate } from "../gate/gate.ts";
import { linkByArguments, linkToProposal } from "../gate/proposals.ts";
import { recordCost, recordError, ruleOf, whoAttributes } from "../gate/call-span.ts";
import type { Who } from "../gate/call-span.ts";
import { covers, ONE_TOOL_CALL } from "../lease/amounts.ts";
import type { PurseOutcome, Want } from "../lease/purse.ts";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";
import { compilePolicy, decide } from "../policy/decide.ts";
import type { Decision } from "../policy/decision.ts";
import { parsePolicy } from "../policy/document.ts";
import type { AgentFacts } from "../policy/request.ts";
import type { Policy, PolicyCheck } from "../policy/policy.ts";
import type { HelloReply } from "../protocol.ts";
import type { NanoUsd } from "../pricing/money.ts";
import * as semconv from "../semconv.ts";

export interface ToolOptions {
  /** Decides beside the policies of the fleet and of TOLLGATE_POLICY; all have to agree. */
  readonly policy?: Policy;
  /** What the tool is about, for conditions (`tool.labels`). */
  readonly labels?: readonly string[];
  /** How long a run that needs an approval waits for it before `ApprovalPending`. @default TOLLGATE_APPROVAL_WAIT_MS, 0 */
  readonly approvalWaitMs?: number;
}

export interface ToolCall {
  readonly name: string;
  readonly options: ToolOptions;
  readonly parameters: readonly unknown[];
  /** Runs the tool with these parameters. */
  readonly run: (parameters: readonly unknown[]) => unknown;
  /** What else the span says. */
  readonly attributes?: Attributes;
}

/** Refusals that no policy has recorded yet. */
const WITHOUT_POLICY = [
  BudgetExceeded,
  AgentKilled,
  AgentPaused,
  ApprovalRequired,
  GateUnavailable,
  ConfigInvalid,
] as const;

interface Permitted {
  readonly who: Who;
  readonly verdict: Verdict;
  readonly span: Span;
}

const TOOL_WANT: Want = {
  worst: ONE_TOOL_CALL,
  least: ONE_TOOL_CALL,
  fitting: (available) => (covers(available, ONE_TOOL_CALL) ? ONE_TOOL_CALL : undefined),
  signal: undefined,
};

/** What a decision is, whoever made it. */
interface Verdict {
  readonly decision: string;
  readonly rule: string;
  readonly reason: string;
  readonly policy: string;
  readonly policyVersion: string;
  readonly digest: string;
  /** The copy that was decided on; `undefined`: no policy looked at the arguments. */
  readonly args: unknown;
}

export class ToolGate {
  readonly #gate: Gate;
  readonly #local: readonly CompiledPolicy[];
  readonly #problems: readonly string[];
  #fleet: readonly CompiledPolicy[] = [];
  #requirePolicy = false;

  constructor(gate: Gate) {
    this.#gate = gate;
    const path = gate.config.policyPath;
    const file = path === undefined ? { policies: [], problems: [] } : readPolicyFile(path);
    this.#local = file.policies.map((document) => compilePolicy(document));
    this.#problems = [...gate.config.problems, ...file.problems];
    for (const problem of file.problems) gate.logger.log("error", `${problem}: tools are refused until this is right`);
  }

  onHello(hello: HelloReply): void {
    this.#requirePolicy = hello.require_policy;
    const fleet: CompiledPolicy[] = [];
    for (const document of hello.policies) {
      const parsed = parsePolicy(document);
      if (parsed.ok) fleet.push(compilePolicy(parsed.policy));
      // A policy that can't be read must not open what it was meant to close.
      else {
        this.#gate.logger.log(
          "error",
          `the processor sent a policy that can't be read: ${parsed.problems[0]?.path ?? ""}`,
        );
        this.#requirePolicy = true;
      }
    }
    this.#fleet = fleet;
  }

  /**
   * Decides, then runs the tool. Throws `AgentKilled`, `ToolDenied`, `ApprovalPending`, `ApprovalDenied`, `GateUnavailable`
   * or `ConfigInvalid` instead of running it. Returns what the tool returns; a promise of it when the decision has to wait, for the
   * fleet's policies, for an approval, or for a paused agent to be resumed (`AgentPaused` when that takes too long).
   */
  call(call: ToolCall): unknown {
    const who = this.#gate.who();
    const span = this.#startSpan(call, who);
    const { leases } = this.#gate;
    if (leases === undefined || leases.hello !== undefined) return this.#passAndRun(call, who, span);
    return leases.reached().then((isReached) => {
      if (!isReached) this.#goWithoutFleet(span, leases.reason);
      return this.#passAndRun(call, who, span);
    });
  }

  /** What somebody stopped comes before every policy. */
  #passAndRun(call: ToolCall, who: Who, span: Span): unknown {
    const { stops } = this.#gate;
    if (stops.isOpen(who)) return this.#decideAndRun(call, who, span);
    const killed = stops.killed(who);
    if (killed !== undefined) throw this.#refuse(span, killed);
    return stops.pass(who, undefined).then(
      () => this.#decideAndRun(call, who, span),
      (problem: unknown) => {
        throw this.#refuse(span, this.#contain(problem));
      },
    );
  }

  #startSpan(call: ToolCall, who: Who): Span {
    const attributes: Attributes = {
      [semconv.ATTR_GEN_AI_OPERATION_NAME]: semconv.Operation.executeTool,
      [semconv.ATTR_GEN_AI_TOOL_NAME]: call.name,
      [semconv.ATTR_GEN_AI_TOOL_TYPE]: "function",
      ...call.attributes,
      ...whoAttributes(who),
    };
    const name = `${semconv.Operation.executeTool} ${call.name}`;
    const span = this.#gate.tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes });
    this.#gate.content?.toolArguments(span, argumentsOf(call.parameters));
    linkToProposal(span, who, { name: call.name, id: attributes[semconv.ATTR_GEN_AI_TOOL_CALL_ID] });
    return span;
  }

  #goWithoutFleet(span: Span, reason: string): void {
    const { failMode, expectsProcessor } = this.#gate.config;
    const mode = failMode ?? (expectsProcessor ? "closed" : "open");
    span.setAttribute(semconv.ATTR_TOLLGATE_FAILURE_MODE, mode);
    if (mode === "open") return;
    throw this.#refuse(
      span,
      new GateUnavailable(`the fleet's policies can't be read, and the fail mode is \`closed\`: ${reason}`),
    );
  }

  #decideAndRun(call: ToolCall, who: Who, span: Span): unknown {
    let verdict: Verdict | Promise<Verdict>;
    try {
      verdict = this.#decide(call, who, span);
    } catch (problem) {
      throw this.#refuse(span, this.#contain(problem));
    }
    if (!(verdict instanceof Promise)) return this.#countAndRun(call, { who, verdict, span });
    return verdict.then(
      (allowed) => {
        const killed = this.#gate.stops.killed(who);
        if (killed !== undefined) throw this.#refuse(span, killed);
        return this.#countAndRun(call, { who, verdict: allowed, span });
      },
      (problem: unknown) => {
        throw this.#refuse(span, this.#contain(problem));
      },
    );
  }

  /** Budgets in tool calls: a run of a tool is taken from the lease, and counts from its start. */
  #countAndRun(call: ToolCall, { who, verdict, span }: Permitted): unknown {
    const { leases, logger, config } = this.#gate;
    if (leases?.hello?.measures?.includes("tool_calls") !== true) return this.#run(call, verdict, span);
    const outcome = leases.reserve({ ...who.labels, tool: call.name }, TOOL_WANT);
    const go = (given: PurseOutcome): unknown => {
      if (given.outcome === "granted") {
        span.setAttribute(semconv.ATTR_TOLLGATE_LEASE_ID, given.reservation.leaseId);
        given.reservation.settle(ONE_TOOL_CALL);
        return this.#run(call, verdict, span);
      }
      if (given.outcome === "refused") throw this.#refuse(span, given.error);
      const reason = given.outcome === "unavailable" ? given.reason : "the call was given up";
      const isHard = given.outcome === "unavailable" && given.isHard;
      if ((config.failMode ?? (isHard ? "closed" : "open")) === "open") return this.#run(call, verdict, span);
      logger.once("warn", "tool-calls-closed", `tools are refused: ${reason}`);
      throw this.#refuse(span, new GateUnavailable(`the budget in tool calls can't be asked: ${reason}`));
    };
    return outcome instanceof Promise ? outcome.then(go) : go(outcome);
  }

  #decide(call: ToolCall, who: Who, span: Span): Verdict | Promise<Verdict> {
    const { name, options } = call;
    if (this.#problems.length > 0) throw new ConfigInvalid(this.#problems);
    if (who.problem !== undefined) throw new ConfigInvalid([who.problem]);
    const facts = factsOf(who);
    const args = argumentsOf(call.parameters);
    const verdict = this.#decideByFleet(call, { who, args });
    this.#record(span, verdict);
    refuseDenied(name, verdict);
    const asks = verdict.decision === semconv.DecisionName.requireApproval;
    if (options.policy === undefined) return asks ? this.#askPerson(call, { who, span, wanted: verdict }) : verdict;
    const check = options.policy.check(name, args, { ...facts, labels: options.labels ?? [] });
    this.#record(span, fromCheck(check));
    if (check.denied) throw new ToolDenied(check);
    // A policy that knows whom to ask asks by itself; the others have the processor ask.
    if (check.needsApproval && (options.policy.asksItself || this.#gate.leases === undefined)) {
      const enforced = options.policy.enforce(name, args, { ...facts, labels: options.labels ?? [] });
      const go = (given: PolicyCheck): Verdict | Promise<Verdict> =>
        asks ? this.#askPerson(call, { who, span, wanted: verdict }) : fromCheck(given);
      return enforced instanceof Promise ? enforced.then(go) : go(enforced);
    }
    if (asks) return this.#askPerson(call, { who, span, wanted: verdict });
    return check.needsApproval ? this.#askPerson(call, { who, span, wanted: fromCheck(check) }) : fromCheck(check);
  }

  #decideByFleet({ name, options }: ToolCall, { who, args }: { readonly who: Who; readonly args: unknown }): Verdict {
    const tool = { name, labels: options.labels ?? [] };
    const requirePolicy = this.#requirePolicy && options.policy === undefined;
    const request = { ...factsOf(who), tool, args, now: new Date() };
    return fromDecision(decide([...this.#fleet, ...this.#local], request, { requirePolicy }));
  }

  #askPerson(
    call: ToolCall,
    { who, span, wanted }: { readonly who: Who; readonly span: Span; readonly wanted: Verdict },
  ): Promise<Verdict> {
    const { name, options } = call;
    const decideAgain = (args: unknown): Verdict => {
      const verdict = this.#decideByFleet(call, { who, args });
      refuseDenied(name, verdict);
      if (options.policy === undefined) return verdict;
      const check = options.policy.check(name, args, { ...factsOf(who), labels: options.labels ?? [] });
      if (check.denied) throw new ToolDenied(check);
      return wanted.policy === check.policy ? fromCheck(check) : verdict;
    };
    const waitMs = options.approvalWaitMs ?? this.#gate.config.approvalWaitMs;
    return obtainApproval({ gate: this.#gate, who, span, tool: name, wanted, waitMs, decideAgain }).then((verdict) => {
      this.#record(span, verdict);
      return verdict;
    });
  }

  #record(span: Span, verdict: Verdict): void {
    countDecision(span);
    span.setAttributes({
      [semconv.ATTR_TOLLGATE_DECISION]: verdict.decision,
      [semconv.ATTR_TOLLGATE_DECISION_RULE]: verdict.rule,
      [semconv.ATTR_TOLLGATE_DECISION_REASON]: verdict.reason,
    });
    if (verdict.policy !== "") {
      span.setAttributes({
        [semconv.ATTR_TOLLGATE_POLICY_NAME]: verdict.policy,
        [semconv.ATTR_TOLLGATE_POLICY_VERSION]: verdict.policyVersion,
      });
    } else {
      this.#gate.logger.once("warn", "no-policy", "no policy applies to the tools of this agent: they are allowed");
    }
    if (verdict.digest === "") return;
    span.setAttribute(semconv.ATTR_TOLLGATE_TOOL_ARGUMENTS_DIGEST, verdict.digest);
    linkByArguments(span, verdict.digest);
  }

  #refuse(span: Span, error: TollgateError): TollgateError {
    countDecision(span);
    if (WITHOUT_POLICY.some((kind) => error instanceof kind)) {
      span.setAttributes({
        [semconv.ATTR_TOLLGATE_DECISION]: semconv.DecisionName.deny,
        [semconv.ATTR_TOLLGATE_DECISION_RULE]: ruleOf(error),
        [semconv.ATTR_TOLLGATE_DECISION_REASON]: error.message,
      });
    }
    recordCost(span, { nanoUsd: 0n as NanoUsd, status: semconv.CostStatus.exact, priceVersion: undefined });
    recordError(span, error);
    span.end();
    return error;
  }

  /** A tool never runs because the gate failed inside, unless TOLLGATE_FAIL_MODE says so: and then no decision is made up. */
  #contain(problem: unknown): TollgateError {
    if (problem instanceof TollgateError) return problem;
    return this.#gate.contain(problem) ?? new GateUnavailable("the gate failed inside", { cause: problem });
  }

  #run({ parameters, run }: ToolCall, verdict: Verdict, span: Span): unknown {
    // A private copy of what was decided on: nobody can change it between the decision and the act.
    const given =
      verdict.policy === "" || verdict.args === undefined ? parameters : parametersOf(parameters, verdict.args);
    let result: unknown;
    try {
      result = context.with(trace.setSpan(context.active(), span), () => run(given));
    } catch (error) {
      recordError(span, error);
      span.end();
      throw error;
    }
    if (!(result instanceof Promise)) {
      this.#gate.content?.toolResult(span, result);
      span.end();
      return result;
    }
    return result.then(
      (value: unknown) => {
        this.#gate.content?.toolResult(span, value);
        span.end();
        return value;
      },
      (error: unknown) => {
        recordError(span, error);
        span.end();
        throw error;
      },
    );
  }
}

function factsOf(who: Who): { readonly agent: AgentFacts; readonly environment?: string } {
  const { team, role, autonomy, environment } = who.labels;
  const agent = { name: who.agent, ...(team && { team }), ...(role && { role }), ...(autonomy && { autonomy }) };
  return { agent, ...(environment && { environment }) };
}

function refuseDenied(tool: string, { decision, rule, reason }: Verdict): void {
  const { allow, requireApproval } = semconv.DecisionName;
  if (decision !== allow && decision !== requireApproval) throw new ToolDenied({ tool, rule, reason });
}

/** What a policy sees of a call: the one object that tools usually take, else the list of all arguments. */
function argumentsOf(parameters: readonly unknown[]): unknown {
  if (parameters.length === 0) return undefined;
  const [only] = parameters;
  return parameters.length === 1 && typeof only === "object" && only !== null && !Array.isArray(only)
    ? only
    : parameters;
}

function parametersOf(parameters: readonly unknown[], args: unknown): readonly unknown[] {
  const copy: unknown = structuredClone(args);
  return argumentsOf(parameters) === parameters ? (copy as readonly unknown[]) : [copy];
}

function fromDecision(decision: Decision): Verdict {
  return {
    decision: decision.decision,
    rule: decision.rule,
    reason: decision.reason,
    policy: decision.policy,
    policyVersion: decision.policyVersion,
    digest: decision.arguments?.digest ?? "",
    args: decision.arguments?.value,
  };
}

function fromCheck(check: PolicyCheck): Verdict {
  return {
    decision: check.decision,
    rule: check.rule,
    reason: check.reason,
    policy: check.policy,
    policyVersion: check.policyVersion,
    digest: check.argumentsDigest,
    args: check.args,
  };
}
