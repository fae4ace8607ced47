/** The gate before a tool: policies of the fleet and of this process decide, a span tells, and only then the tool runs. */
import { context, SpanKind, trace } from "@opentelemetry/api";
import type { Attributes, Span } from "@opentelemetry/api";
import { obtainApproval } from "../approval/tool-approval.ts";
import { GovernanceCache } from "../config/governance-cache.ts";
import { countDecision } from "../audit/decision-order.ts";
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
import { meetOutage } from "../gate/outage.ts";
import { linkByArguments, linkToProposal } from "../gate/proposals.ts";
import { recordCost, recordError, ruleOf, whoAttributes } from "../gate/call-span.ts";
import type { Who } from "../gate/call-span.ts";
import { covers, ONE_TOOL_CALL } from "../lease/amounts.ts";
import type { PurseOutcome, Want } from "../lease/purse.ts";
import type { PolicyCheck } from "../policy/policy.ts";
import type { HelloReply } from "../protocol.ts";
import type { NanoUsd } from "../pricing/money.ts";
import * as semconv from "../semconv.ts";
import type { ToolCall } from "./tool-call.ts";
import { checkContextOf, ToolRules } from "./tool-rules.ts";
import { argumentsOf, changedText, fromCheck, fromDecision, isDenied, parametersFor } from "./tool-verdict.ts";
import { recordAttributes, verdictAttributes, wayAttributes } from "./tool-verdict.ts";
import type { Verdict } from "./tool-verdict.ts";

/** Refusals that no policy has recorded yet. */
const WITHOUT_POLICY = [BudgetExceeded, AgentKilled, AgentPaused, ApprovalRequired, GateUnavailable, ConfigInvalid];

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

export class ToolGate {
  readonly rules: ToolRules;
  readonly #gate: Gate;
  readonly #cache: GovernanceCache | undefined;
  #cachedAt: string | undefined;

  constructor(gate: Gate) {
    this.#gate = gate;
    const { config, logger, sessions } = gate;
    this.#cache = GovernanceCache.of(config, logger);
    this.rules = new ToolRules({ policyPath: config.policyPath, logger, sessions });
    gate.leases?.sessions.bindPasts(this.rules.pasts);
  }

  onHello(hello: HelloReply): void {
    this.rules.onHello(hello);
    this.#cache?.save(hello);
  }

  /**
   * Decides, then runs the tool. Throws `AgentKilled`, `ToolDenied`, `ApprovalPending`, `ApprovalDenied`, `GateUnavailable`
   * or `ConfigInvalid` instead of running it. Returns what the tool returns; a promise of it when the decision has to wait, for the
   * fleet's policies, for an approval, or for a paused agent to be resumed (`AgentPaused` when that takes too long).
   */
  call(call: ToolCall): unknown {
    // What calls before it have cost is spent, and comes before it in the chain.
    this.#gate.afterwork?.catchUp();
    const who = this.#gate.who();
    const span = this.#startSpan(call, who);
    const { leases } = this.#gate;
    if (leases === undefined || leases.hello !== undefined) return this.#joinAndRun(call, who, span);
    return leases.reached().then((isReached) => {
      if (!isReached) this.#goWithoutFleet(span, leases.reason);
      // What the registry says of the agent (its autonomy, its team) is known only now.
      const known = this.#gate.who();
      span.setAttributes(whoAttributes(known));
      return this.#joinAndRun(call, known, span);
    });
  }

  /** A server of MCP lists its tools to the agent that asks, here and now. */
  offered(server: string, tools: unknown): void {
    this.rules.offered({ agent: this.#gate.who().agent, server, tools });
  }

  /**
   * The first decision in a session that other processes may work in waits until what they have seen is known; the first of an
   * agent, where some rule asks how far it went before, until that is.
   */
  #joinAndRun(call: ToolCall, who: Who, span: Span): unknown {
    const sharing = this.#gate.leases?.sessions;
    const joining = sharing?.join(who.labels["session"] ?? "");
    const hearing = this.rules.asksPast ? sharing?.joinPast(who.agent) : undefined;
    if (joining === undefined && hearing === undefined) return this.#passAndRun(call, who, span);
    return Promise.all([joining ?? true, hearing]).then(([isJoined]) => {
      if (!isJoined) this.#goAlone(span);
      return this.#passAndRun(call, who, span);
    });
  }

  /** Nobody can say what other processes of the session have read. */
  #goAlone(span: Span): void {
    const mode = this.#failMode;
    span.setAttribute(semconv.ATTR_TOLLGATE_FAILURE_MODE, mode);
    if (mode === "open") {
      this.#gate.logger.once("warn", "session-alone", "sessions are judged by what this process saw: no answer");
      return;
    }
    const why = "what other processes of the session have read can't be asked, and the fail mode is `closed`";
    throw this.#refuse(span, new GateUnavailable(why));
  }

  /** What somebody stopped comes before every policy. */
  #passAndRun(call: ToolCall, who: Who, span: Span): unknown {
    const { stops } = this.#gate;
    if (stops.isOpen(who)) return this.#decideAndRun(call, who, span);
    const killed = stops.killed(who);
    if (killed !== undefined) throw this.#refuse(span, killed);
    return stops.pass(who, call.signal).then(
      () => this.#decideAndRun(call, who, span),
      (problem: unknown) => {
        throw this.#refuse(span, this.#contain(problem));
      },
    );
  }

  #startSpan(call: ToolCall, who: Who): Span {
    // Types are not there when the app runs.
    const toolName = typeof call.name === "string" ? call.name : `(${typeof call.name})`;
    const attributes: Attributes = {
      [semconv.ATTR_GEN_AI_OPERATION_NAME]: semconv.Operation.executeTool,
      [semconv.ATTR_GEN_AI_TOOL_NAME]: toolName,
      [semconv.ATTR_GEN_AI_TOOL_TYPE]: "function",
      ...call.attributes,
      ...whoAttributes(who),
    };
    const name = `${semconv.Operation.executeTool} ${toolName}`;
    const span = this.#gate.tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes });
    this.#gate.content?.toolArguments(span, argumentsOf(call.parameters));
    linkToProposal(span, who, { name: toolName, id: attributes[semconv.ATTR_GEN_AI_TOOL_CALL_ID] });
    return span;
  }

  /** Somebody keeps what the agent did before: where nobody says it, it is not taken to be nothing. */
  get #owesPast(): boolean {
    const { leases } = this.#gate;
    const isKept = leases !== undefined && (leases.hello === undefined || leases.hello.past !== undefined);
    return isKept && this.#failMode === "closed" && this.rules.asksPast;
  }

  get #failMode(): "closed" | "open" {
    const { failMode, expectsProcessor } = this.#gate.config;
    return failMode ?? (expectsProcessor ? "closed" : "open");
  }

  #goWithoutFleet(span: Span, reason: string): void {
    const mode = this.#failMode;
    span.setAttribute(semconv.ATTR_TOLLGATE_FAILURE_MODE, mode);
    if (this.#useCached(span) || mode === "open") return;
    throw this.#refuse(
      span,
      new GateUnavailable(`the fleet's policies can't be read, and the fail mode is \`closed\`: ${reason}`),
    );
  }

  /** The policies that a process of this agent heard last hold until the processor can be asked. */
  #useCached(span: Span): boolean {
    if (this.#cachedAt === undefined) {
      const cached = this.#cache?.load();
      if (cached === undefined) return false;
      this.rules.onHello(cached);
      if (cached.past !== undefined) this.rules.pasts.hear(cached.past);
      this.#cachedAt = cached.saved_at;
      this.#gate.logger.log("warn", `no processor: tools are decided on by the policies of ${cached.saved_at}`);
    }
    span.setAttribute(semconv.ATTR_TOLLGATE_POLICY_CACHED_AT, this.#cachedAt);
    return true;
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
    const { leases } = this.#gate;
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
      const { mode, error } = meetOutage(this.#gate, { what: "tools", reason, isHard });
      span.setAttribute(semconv.ATTR_TOLLGATE_FAILURE_MODE, mode);
      if (error === undefined) return this.#run(call, verdict, span);
      throw this.#refuse(span, error);
    };
    return outcome instanceof Promise ? outcome.then(go) : go(outcome);
  }

  #decide(call: ToolCall, who: Who, span: Span): Verdict | Promise<Verdict> {
    const { name, options } = call;
    const { problems } = this.#gate.config;
    if (problems.length > 0) throw new ConfigInvalid(problems);
    if (this.rules.problems.length > 0) throw new ConfigInvalid(this.rules.problems);
    if (who.problem !== undefined) throw new ConfigInvalid([who.problem]);
    const args = argumentsOf(call.parameters);
    const verdict = this.#decideByRules(call, { who, args });
    this.#record(span, verdict);
    this.#refuseDenied(verdict);
    const { judged } = verdict;
    const asks = verdict.decision === semconv.DecisionName.requireApproval;
    if (options.policy === undefined) return asks ? this.#askPerson(call, { who, span, wanted: verdict }) : verdict;
    const check = options.policy.check(name, args, checkContextOf(judged));
    const checked = fromCheck(check, judged);
    this.#record(span, checked);
    this.#refuseDenied(checked);
    // A policy that knows whom to ask asks by itself; the others have the processor ask.
    if (check.needsApproval && (options.policy.asksItself || this.#gate.leases === undefined)) {
      const enforced = options.policy.enforce(name, args, checkContextOf(judged));
      const go = (given: PolicyCheck): Verdict | Promise<Verdict> =>
        asks ? this.#askPerson(call, { who, span, wanted: verdict }) : fromCheck(given, judged);
      return enforced instanceof Promise ? enforced.then(go) : go(enforced);
    }
    if (asks) return this.#askPerson(call, { who, span, wanted: verdict });
    return check.needsApproval ? this.#askPerson(call, { who, span, wanted: checked }) : checked;
  }

  #decideByRules(
    { name, options, server }: ToolCall,
    { who, args }: { readonly who: Who; readonly args: unknown },
  ): Verdict {
    const { labels, systems, actions, reversibility, policy } = options;
    const declaration = { labels, systems, actions, reversibility };
    const hasOwnPolicy = policy !== undefined;
    const judged = this.rules.caseOf({ name, declaration, who, args, server, hasOwnPolicy, isClosed: this.#owesPast });
    return fromDecision(this.rules.decide(judged), judged);
  }

  #refuseDenied(verdict: Verdict): void {
    if (!isDenied(verdict)) return;
    const { rule, reason, judged } = verdict;
    this.rules.denied(judged);
    throw new ToolDenied({ tool: judged.request.tool.name, rule, reason });
  }

  #askPerson(
    call: ToolCall,
    { who, span, wanted }: { readonly who: Who; readonly span: Span; readonly wanted: Verdict },
  ): Promise<Verdict> {
    const { name: tool, options, signal } = call;
    const decideAgain = (args: unknown): Verdict => {
      const verdict = this.#decideByRules(call, { who, args });
      this.#refuseDenied(verdict);
      if (options.policy === undefined) return verdict;
      const checked = fromCheck(options.policy.check(tool, args, checkContextOf(verdict.judged)), verdict.judged);
      this.#refuseDenied(checked);
      return wanted.policy === checked.policy ? checked : verdict;
    };
    const waitMs = options.approvalWaitMs ?? this.#gate.config.approvalWaitMs;
    return obtainApproval({ gate: this.#gate, who, span, tool, wanted, waitMs, signal, decideAgain }).then(
      (verdict) => {
        this.#record(span, verdict);
        return verdict;
      },
    );
  }

  #record(span: Span, verdict: Verdict): void {
    countDecision(span);
    span.setAttributes(verdictAttributes(verdict));
    const { logger } = this.#gate;
    const { name, isChanged } = verdict.judged.request.tool;
    if (isChanged === true) logger.once("warn", `tool-changed:${name}`, changedText(verdict.judged));
    if (verdict.policy === "")
      logger.once("warn", "no-policy", "no policy applies to the tools of this agent: they are allowed");
    if (verdict.digest !== "") linkByArguments(span, verdict.digest);
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
    const given = parametersFor(parameters, verdict);
    span.setAttributes(wayAttributes(verdict));
    let result: unknown;
    try {
      result = context.with(trace.setSpan(context.active(), span), () =>
        run(given, (later) => this.#gaveLater(verdict, later)),
      );
    } catch (error) {
      this.#fail(verdict, span, error);
      throw error;
    }
    if (!(result instanceof Promise)) {
      this.#gate.content?.toolResult(span, result);
      this.#end(verdict, span, result);
      return result;
    }
    return result.then(
      (value: unknown) => {
        this.#gate.content?.toolResult(span, value);
        this.#end(verdict, span, value);
        // Nobody has what was read before the other processes of the session can know of it.
        const telling = this.#gate.leases?.sessions.told(verdict.judged.session);
        return telling === undefined ? value : telling.then(() => value);
      },
      (error: unknown) => {
        this.#fail(verdict, span, error);
        throw error;
      },
    );
  }

  #gaveLater({ judged }: Verdict, result: unknown): Promise<void> | undefined {
    try {
      this.rules.gave(judged, result);
    } catch (problem) {
      this.#gate.contain(problem);
    }
    return this.#gate.leases?.sessions.told(judged.session);
  }

  #end(verdict: Verdict, span: Span, result: unknown): void {
    try {
      span.setAttributes(recordAttributes(verdict, result));
      span.setAttributes(this.rules.ran(verdict.judged, result));
    } catch (problem) {
      // The tool ran: whatever is wrong with what we remember of it is no failure of the tool.
      this.#gate.contain(problem);
    }
    span.end();
  }

  /** A tool that failed may have done its work all the same, and says of it what the error says. */
  #fail(verdict: Verdict, span: Span, error: unknown): void {
    recordError(span, error);
    this.#end(verdict, span, error);
  }
}
