import { ApprovalDenied, ApprovalPending, ConfigInvalid, ToolDenied } from "../errors.ts";
import { AuditLog } from "./audit-log.ts";
import type { AuditEntry } from "./audit-log.ts";
import type { JsonValue } from "./canonical-json.ts";
import { compilePolicy, decide } from "./decide.ts";
import type { CompiledPolicy } from "./compiled-policy.ts";
import type { Decision, MatchedRule, ShadowDecision } from "./decision.ts";
import { parsePolicy } from "./document.ts";
import type { DefaultEffect, Effect, PolicyDocument, PolicyRule } from "./document.ts";
import type { PolicyRequest, ToolFacts } from "./request.ts";
import { POLICY_TEMPLATES, policyTemplate } from "./templates.ts";
import type { PolicyTemplate } from "./templates.ts";

/** A policy as people write it: snake_case and camelCase both are read, everything has a default. */
export interface PolicyInput {
  readonly kind?: "policy";
  /** @default "policy" (a document under `governance/` has to have one) */
  readonly name?: string;
  readonly version?: string | number;
  readonly agents?: readonly string[];
  readonly teams?: readonly string[];
  /** @default every environment */
  readonly environments?: readonly string[];
  /** False: checks only tell what would have been decided, in `shadow`. @default true */
  readonly enforce?: boolean;
  /** Of sessions: `25%`. @default "100%" */
  readonly share?: string;
  /** @default "deny" */
  readonly default?: DefaultEffect;
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly requireApproval?: readonly string[];
  readonly require_approval?: readonly string[];
  readonly forbid?: readonly string[];
  readonly rules?: readonly (Omit<PolicyRule, "tools"> & { readonly tools?: readonly string[] })[];
}

export interface PolicyOptions extends PolicyInput {
  /** Asked when a tool needs approval. A truthy answer approves this one call, a falsy one denies it; without it nothing that needs approval runs. */
  readonly onApproval?: ApprovalHandler | undefined;
  readonly on_approval?: ApprovalHandler | undefined;
  /** How long an answer may take. @default 300000 */
  readonly approvalTimeoutMs?: number | undefined;
  readonly approval_timeout_ms?: number | undefined;
  /** How many checks the audit log keeps. @default 10000 */
  readonly auditLogMax?: number | undefined;
  readonly audit_log_max?: number | undefined;
  /** The clock, for conditions and the audit log. @default the machine's */
  readonly clock?: (() => Date) | undefined;
}

export type ApprovalHandler = (request: ApprovalRequest) => unknown;

/** What the approver sees: exactly what will run. */
export interface ApprovalRequest {
  readonly tool: string;
  /** The frozen arguments that the tool will get. */
  readonly args: JsonValue | undefined;
  readonly argumentsDigest: string;
  readonly rule: string;
  readonly reason: string;
  readonly policy: string;
  readonly policyVersion: string;
}

/** What else a condition may look at. */
export type CheckContext = Omit<PolicyRequest, "tool" | "args" | "now"> & Omit<ToolFacts, "name">;

export interface PolicyCheck {
  readonly decision: Effect;
  readonly allowed: boolean;
  /** Denied or forbidden. */
  readonly denied: boolean;
  readonly needsApproval: boolean;
  /** As it was asked for. */
  readonly tool: string;
  readonly rule: string;
  readonly reason: string;
  readonly policy: string;
  readonly policyVersion: string;
  readonly matched: readonly MatchedRule[];
  /** What a policy that is not enforced says. */
  readonly shadow: readonly ShadowDecision[];
  /** The frozen copy that was decided on: run the tool with it. */
  readonly args: JsonValue | undefined;
  readonly argumentsDigest: string;
}

const NAME = "policy";
const APPROVAL_TIMEOUT_MS = 300_000;
const AUDIT_LOG_MAX = 10_000;
const OPTION_KEYS: ReadonlySet<string> = new Set(
  "onApproval on_approval approvalTimeoutMs approval_timeout_ms auditLogMax audit_log_max clock".split(" "),
);

/**
 * A tool policy inside one process: `check` says, `enforce` holds, the audit log remembers. Unlisted tools are denied.
 * The constructor throws `ConfigInvalid` with every problem.
 */
export class Policy {
  readonly name: string;
  readonly #document: PolicyDocument;
  readonly #compiled: CompiledPolicy;
  readonly #log: AuditLog;
  readonly #onApproval: ApprovalHandler | undefined;
  readonly #approvalTimeoutMs: number;
  readonly #clock: () => Date;

  constructor(options: PolicyOptions) {
    const document = Object.fromEntries(Object.entries(options).filter(([key]) => !OPTION_KEYS.has(key)));
    const parsed = parsePolicy({ ...document, name: options.name ?? NAME });
    if (!parsed.ok)
      throw new ConfigInvalid(
        parsed.problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)),
      );
    this.name = parsed.policy.name;
    this.#document = parsed.policy;
    // Made here and used here: its `agents` and `teams` say whom the processor sends it to, not whether it holds.
    const { version } = compilePolicy(parsed.policy);
    this.#compiled = compilePolicy({ ...parsed.policy, agents: [], teams: [], version });
    const auditLogMax = options.auditLogMax ?? options.audit_log_max ?? AUDIT_LOG_MAX;
    this.#log = new AuditLog(positive("auditLogMax", auditLogMax));
    this.#onApproval = options.onApproval ?? options.on_approval;
    const timeoutMs = options.approvalTimeoutMs ?? options.approval_timeout_ms ?? APPROVAL_TIMEOUT_MS;
    this.#approvalTimeoutMs = positive("approvalTimeoutMs", timeoutMs);
    this.#clock = options.clock ?? (() => new Date());
  }

  /** A policy from a document as `toDict` gives it, or as parsed from YAML or JSON. Throws `ConfigInvalid`. */
  static fromDict(document: PolicyInput, options: Omit<PolicyOptions, keyof PolicyInput> = {}): Policy {
    return new Policy({ ...document, ...options });
  }

  /** A policy from a template. Throws `ConfigInvalid` for an unknown one. */
  static template(name: PolicyTemplate, options: Omit<PolicyOptions, keyof PolicyInput> = {}): Policy {
    const document = policyTemplate(name);
    if (document === undefined)
      throw new ConfigInvalid([`no template \`${name}\`: there are ${POLICY_TEMPLATES.join(", ")}`]);
    return new Policy({ ...document, ...options });
  }

  /** The compiled form (for every agent), for `decide` together with other policies. */
  get compiled(): CompiledPolicy {
    return this.#compiled;
  }

  /** Whether it has an `onApproval` of its own. */
  get asksItself(): boolean {
    return this.#onApproval !== undefined;
  }

  /** Every check in its order, newest last: a frozen copy. */
  get auditLog(): readonly AuditEntry[] {
    return this.#log.snapshot();
  }

  /** How many checks the audit log no longer holds. */
  get auditLogDropped(): number {
    return this.#log.dropped;
  }

  /** Decides and records. Never throws. */
  check(tool: string, args?: unknown, context: CheckContext = {}): PolicyCheck {
    return this.#checkAndRecord(tool, args, context).check;
  }

  /**
   * Returns the check when the tool may run; run it with `check.args`. Throws `ToolDenied` when it may not, and
   * `ApprovalPending` when an approval is needed and there is no `onApproval`. Only where an approval is asked is the
   * result a promise, which rejects with `ApprovalDenied` (refused, or the handler threw: its error is the `cause`) or
   * `ApprovalPending` (no answer in time). It throws at once rather than in a promise, so that a forgotten `await` does
   * not let a denied tool run.
   */
  enforce(tool: string, args?: unknown, context: CheckContext = {}): PolicyCheck | Promise<PolicyCheck> {
    const { check, entry } = this.#checkAndRecord(tool, args, context);
    if (check.allowed) return check;
    if (!check.needsApproval) throw new ToolDenied(check);
    if (this.#onApproval === undefined) {
      this.#log.settle(entry, "nobody_asked");
      throw new ApprovalPending(check);
    }
    return this.#askApproval(this.#onApproval, check, this.#log.settle(entry, "waiting"));
  }

  /** The policy as plain data in snake_case, from which `fromDict` makes one that decides the same. */
  toDict(): PolicyInput {
    const { version, ...document } = structuredClone(this.#document);
    return version === "" ? document : { ...document, version };
  }

  #checkAndRecord(
    tool: string,
    args: unknown,
    context: CheckContext,
  ): { readonly check: PolicyCheck; readonly entry: AuditEntry } {
    const now = this.#clock();
    const { labels, systems, actions, reversibility, isKnown, isChanged, ...rest } = context;
    const facts: ToolFacts = {
      name: tool,
      ...(labels && { labels }),
      ...(systems && { systems }),
      ...(actions && { actions }),
      ...(reversibility && { reversibility }),
      ...(isKnown !== undefined && { isKnown }),
      ...(isChanged !== undefined && { isChanged }),
    };
    const decision = decide(this.#compiled, { ...rest, tool: facts, args, now });
    const check = toCheck(tool, decision);
    const entry = this.#log.add({
      time: now.toISOString(),
      tool,
      decision: check.decision,
      rule: check.rule,
      reason: check.reason,
      policy: check.policy,
      policyVersion: check.policyVersion,
      argumentsDigest: check.argumentsDigest,
      context: {
        agent: context.agent?.name ?? "",
        environment: context.environment ?? "",
        model: context.model ?? "",
        destination: context.destination ?? context.destinations?.join(", ") ?? "",
      },
      approval: "",
    });
    return { check, entry };
  }

  async #askApproval(handler: ApprovalHandler, check: PolicyCheck, entry: AuditEntry): Promise<PolicyCheck> {
    const { tool, args, argumentsDigest, rule, reason, policy, policyVersion } = check;
    const answer = await answerWithin(this.#approvalTimeoutMs, () =>
      handler({ tool, args, argumentsDigest, rule, reason, policy, policyVersion }),
    );
    this.#log.settle(entry, answer.outcome);
    switch (answer.outcome) {
      case "approved":
        return { ...check, allowed: true, needsApproval: false };
      case "denied":
        throw new ApprovalDenied(check);
      case "failed":
        throw new ApprovalDenied({ ...check, reason: "asking for approval failed" }, { cause: answer.error });
      case "timed_out":
        throw new ApprovalPending({ ...check, reason: `no answer within ${this.#approvalTimeoutMs} ms` });
    }
  }
}

type Answer =
  | { readonly outcome: "approved" | "denied" | "timed_out" }
  | { readonly outcome: "failed"; readonly error: unknown };

/** Never rejects. An answer that comes too late changes nothing. */
async function answerWithin(timeoutMs: number, ask: () => unknown): Promise<Answer> {
  const timeout = Promise.withResolvers<Answer>();
  const timer = setTimeout(() => timeout.resolve({ outcome: "timed_out" }), timeoutMs);
  const answer = (async () => ask())().then(
    (value): Answer => ({ outcome: value ? "approved" : "denied" }),
    (error: unknown): Answer => ({ outcome: "failed", error }),
  );
  try {
    return await Promise.race([answer, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function toCheck(tool: string, decision: Decision): PolicyCheck {
  return {
    decision: decision.decision,
    allowed: decision.decision === "allow",
    denied: decision.decision === "deny" || decision.decision === "forbid",
    needsApproval: decision.decision === "require_approval",
    tool,
    rule: decision.rule,
    reason: decision.reason,
    policy: decision.policy,
    policyVersion: decision.policyVersion,
    matched: decision.matched,
    shadow: decision.shadow,
    args: decision.arguments?.value,
    argumentsDigest: decision.arguments?.digest ?? "",
  };
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0 && value <= 2_147_483_647) return value;
  throw new ConfigInvalid([`${name}: must be a whole number from 1 to 2147483647`]);
}
