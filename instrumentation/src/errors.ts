/**
 * The errors that mean "stopped by the gate". They are the only ones that Tollgate throws into an app. Check `code`,
 * not the message: codes are stable, and `instanceof` fails when an app carries two copies of this package.
 */
import { obstacleOf, refusalText, reservedOf } from "./lease/budget-refusal.ts";
import type { BudgetObstacle, BudgetRefusal } from "./lease/budget-refusal.ts";
import type { BudgetAmount } from "./lease/budget-amount.ts";

/** Every code that a `TollgateError` may carry. */
export const ErrorCode = {
  budgetExceeded: "budget_exceeded",
  toolDenied: "tool_denied",
  egressDenied: "egress_denied",
  approvalPending: "approval_pending",
  approvalDenied: "approval_denied",
  approvalRequired: "approval_required",
  agentKilled: "agent_killed",
  agentPaused: "agent_paused",
  unpricedModel: "unpriced_model",
  gateUnavailable: "gate_unavailable",
  configInvalid: "config_invalid",
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Base of all typed errors. `name` is the class name, also in a minified bundle. */
export abstract class TollgateError extends Error {
  abstract readonly code: ErrorCode;
}

/** True for our typed errors from this or any other copy of the package, wrapped (as `cause`) or not. */
export function findTollgateError(error: unknown): TollgateError | undefined {
  const codes: ReadonlySet<unknown> = new Set(Object.values(ErrorCode));
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && current instanceof Error; depth += 1) {
    if (current instanceof TollgateError) return current;
    if ("code" in current && codes.has(current.code)) return current as TollgateError;
    current = current.cause;
  }
  return undefined;
}

const CAUSES_MAX = 8;

/** A call would not fit into what a budget has left, or grants now. No request was sent. */
export class BudgetExceeded extends TollgateError {
  override readonly name = "BudgetExceeded";
  readonly code = ErrorCode.budgetExceeded;
  readonly budget: string;
  readonly limit: BudgetAmount;
  readonly spent: BudgetAmount;
  /** The least that the call would have needed. */
  readonly wanted: BudgetAmount;
  /** Set aside for calls in flight: it may come free. */
  readonly reserved: BudgetAmount;
  /** What stands in the way: `spent` lasts as long as the window, `reserved` and `past_awaited` may be over in seconds. */
  readonly obstacle: BudgetObstacle;

  constructor(refusal: BudgetRefusal, options?: ErrorOptions) {
    super(refusalText(refusal), options);
    this.budget = refusal.budget;
    this.limit = refusal.limit;
    this.spent = refusal.spent;
    this.wanted = refusal.wanted;
    this.reserved = reservedOf(refusal);
    this.obstacle = obstacleOf(refusal);
  }
}

export interface ToolRefusal {
  readonly tool: string;
  /** The rule that decided: `deny: db_drop_*`, a rule's name, or `default`. */
  readonly rule: string;
  readonly reason: string;
}

/** The policy does not let this tool run. It did not run. */
export class ToolDenied extends TollgateError {
  override readonly name = "ToolDenied";
  readonly code = ErrorCode.toolDenied;
  readonly tool: string;
  readonly rule: string;
  readonly reason: string;

  constructor(refusal: ToolRefusal, options?: ErrorOptions) {
    super(`tool \`${refusal.tool}\` is denied by \`${refusal.rule}\`: ${refusal.reason}`, options);
    this.tool = refusal.tool;
    this.rule = refusal.rule;
    this.reason = refusal.reason;
  }
}

/** The agent may not send anything there (`unknown_egress: deny`). No request was sent. */
export class EgressDenied extends TollgateError {
  override readonly name = "EgressDenied";
  readonly code = ErrorCode.egressDenied;
  readonly agent: string;
  readonly method: string;
  /** Scheme, host and port. */
  readonly destination: string;

  constructor(details: { readonly agent: string; readonly method: string; readonly destination: string }) {
    super(
      `${details.method} ${details.destination} is not on the list of endpoints of agent \`${details.agent}\` ` +
        "(`egress.allow` of its document), and `unknown_egress` is `deny`",
    );
    this.agent = details.agent;
    this.method = details.method;
    this.destination = details.destination;
  }
}

/** An approval is needed and nobody has answered yet. The tool or call did not run. */
export class ApprovalPending extends TollgateError {
  override readonly name = "ApprovalPending";
  readonly code = ErrorCode.approvalPending;
  readonly tool: string;
  readonly rule: string;
  readonly reason: string;
  /** Id of the request for approval where a processor keeps it; "" when there is none. */
  readonly approvalId: string;

  constructor(refusal: ToolRefusal & { readonly approvalId?: string }, options?: ErrorOptions) {
    const { approvalId = "" } = refusal;
    // Which request, and not how to answer it: an agent reads this too.
    const request = approvalId === "" ? "" : `; request ${approvalId}`;
    super(`tool \`${refusal.tool}\` waits for approval (\`${refusal.rule}\`): ${refusal.reason}${request}`, options);
    this.tool = refusal.tool;
    this.rule = refusal.rule;
    this.reason = refusal.reason;
    this.approvalId = approvalId;
  }
}

/** An approval was asked for and refused. The tool or call did not run. */
export class ApprovalDenied extends TollgateError {
  override readonly name = "ApprovalDenied";
  readonly code = ErrorCode.approvalDenied;
  readonly tool: string;
  readonly rule: string;
  readonly reason: string;

  constructor(refusal: ToolRefusal, options?: ErrorOptions) {
    super(`approval of tool \`${refusal.tool}\` was denied (\`${refusal.rule}\`): ${refusal.reason}`, options);
    this.tool = refusal.tool;
    this.rule = refusal.rule;
    this.reason = refusal.reason;
  }
}

/** Someone stopped this agent. Nothing runs until it is resumed. */
export class AgentKilled extends TollgateError {
  override readonly name = "AgentKilled";
  readonly code = ErrorCode.agentKilled;
  readonly agent: string;
  readonly reason: string;
  /** Who did it, by the processor's word; "" when that is not known. */
  readonly author: string;

  constructor(details: StopDetails, options?: ErrorOptions) {
    super(`agent \`${details.agent}\` is killed${by(details)}: ${details.reason}`, options);
    this.agent = details.agent;
    this.reason = details.reason;
    this.author = details.author ?? "";
  }
}

/** A budget holds its agents until a person allows more: by a raise of the budget, or by `tollgate resume`. */
export class ApprovalRequired extends TollgateError {
  override readonly name = "ApprovalRequired";
  readonly code = ErrorCode.approvalRequired;
  readonly agent: string;
  readonly reason: string;
  readonly author: string;

  constructor(details: StopDetails, options?: ErrorOptions) {
    super(`a person has to allow what agent \`${details.agent}\` does next: ${details.reason}`, options);
    this.agent = details.agent;
    this.reason = details.reason;
    this.author = details.author ?? "";
  }
}

/** Someone paused this agent, and it was not resumed while the call waited. Nothing was sent; trying again later is fine. */
export class AgentPaused extends TollgateError {
  override readonly name = "AgentPaused";
  readonly code = ErrorCode.agentPaused;
  readonly agent: string;
  readonly reason: string;
  readonly author: string;

  constructor(details: StopDetails, options?: ErrorOptions) {
    const why = details.reason === "" ? "" : ` (${details.reason})`;
    super(
      `agent \`${details.agent}\` is paused${by(details)}${why}, and was not resumed while the call waited`,
      options,
    );
    this.agent = details.agent;
    this.reason = details.reason;
    this.author = details.author ?? "";
  }
}

export interface StopDetails {
  readonly agent: string;
  readonly reason: string;
  readonly author?: string;
}

function by({ author }: StopDetails): string {
  return author === undefined || author === "" ? "" : ` by ${author}`;
}

/** A hard budget can't be held for a model without a price. No request was sent. */
export class UnpricedModel extends TollgateError {
  override readonly name = "UnpricedModel";
  readonly code = ErrorCode.unpricedModel;
  readonly provider: string;
  readonly model: string;
  readonly budget: string;

  constructor(
    details: {
      readonly provider: string;
      readonly model: string;
      readonly budget: string;
      /** A budget of the process has no `unknown_price`: nothing goes through it unpriced. */
      readonly isOfProcess?: boolean;
    },
    options?: ErrorOptions,
  ) {
    const { provider, model, budget, isOfProcess = false } = details;
    const unpriced = `no price is known for model \`${model}\` of \`${provider}\``;
    const fix = "add a `kind: prices` document";
    super(
      isOfProcess
        ? `${unpriced}, and \`${budget}\` can't be held without: ${fix} to the processor's governance`
        : `${unpriced}, and budget \`${budget}\` has \`unknown_price: deny\`: ${fix}, or set \`unknown_price\` to \`estimate\` or \`allow\``,
      options,
    );
    this.provider = details.provider;
    this.model = details.model;
    this.budget = details.budget;
  }
}

/** The gate can't decide (no processor, no lease) and `fail_mode` is `closed`. No request was sent. */
export class GateUnavailable extends TollgateError {
  override readonly name = "GateUnavailable";
  readonly code = ErrorCode.gateUnavailable;
}

/** A setting is wrong. `problems` lists every one, with its path. */
export class ConfigInvalid extends TollgateError {
  override readonly name = "ConfigInvalid";
  readonly code = ErrorCode.configInvalid;
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(`invalid configuration: ${problems.join("; ")}`, options);
    this.problems = problems;
  }
}
