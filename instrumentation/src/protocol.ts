/**
 * What an agent process and the ledger say to each other (`/v1/leases/*`, `/v1/control`): shapes only, no I/O.
 *
 * Every number that counts is cumulative over the life of a lease, so that a message may be lost, doubled or reordered
 * and nothing is counted twice (I3). Amounts travel as decimal strings of integers: JSON numbers end at 2^53.
 * A lease covers every call whose labels, projected on `HelloReply.label_keys`, are the same.
 */

import type { Measure, WireAmounts } from "./lease/amounts.ts";
import type { LedgerRefusal } from "./lease/budget-refusal.ts";

export {
  add,
  covers,
  kindsOf,
  largest,
  NO_AMOUNTS,
  smallest,
  subtract,
  toWire,
  type Amounts,
  type Kinds,
  type Measure,
  type WireAmounts,
} from "./lease/amounts.ts";
export {
  budgetRefusal,
  HOLDERS_TOLD_MAX,
  type LedgerRefusal,
  obstacleOf,
  refusalText,
  TOLD_OBSTACLES,
} from "./lease/budget-refusal.ts";

export const AGENT_NAME_LENGTH_MAX = 200;
/** Without control characters, which would forge lines and keys wherever a name is written. */
export const AGENT_NAME_SHAPE = /^[^\p{Cc}]+$/u;

/** More failures of a process's gate than this are not told apart. */
export const FAILURES_MAX = 1_000_000;

/** What the processor takes for an agent's name, at every door. */
export function isAgentName(name: string): boolean {
  return name.length <= AGENT_NAME_LENGTH_MAX && AGENT_NAME_SHAPE.test(name);
}

/** POST /v1/leases/hello: a process introduces itself, at start and after the ledger forgot it. */
export interface HelloRequest {
  /** Random, made once per process: 16 bytes in hex. */
  readonly process_id: string;
  readonly agent: string;
  /** What the process claims of itself: OTEL_RESOURCE_ATTRIBUTES and the like. The registry wins. */
  readonly labels: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly version: string;
  /** `name@version` of each loaded copy of a known library that is not gated. */
  readonly unpatched?: readonly string[] | undefined;
  /** How often the gate failed inside this process and was contained, since its start. Absent: never. */
  readonly failures?: number | undefined;
}

export interface HelloReply {
  /** Labels after the registry had its say; the process uses these. */
  readonly labels: Readonly<Record<string, string>>;
  readonly agent_verified: boolean;
  /** The label keys that any budget looks at: what separates one lease from another. */
  readonly label_keys: readonly string[];
  /** What any budget counts: only where a kind is among them do amounts tell kinds, and tools take from a lease. */
  readonly measures?: readonly Measure[] | undefined;
  /** Policy documents (kind: policy), parsed: those that may apply to agents that this process may act for. */
  readonly policies: readonly unknown[];
  /** Tools that are declared (kind: tool), parsed. */
  readonly tools?: readonly unknown[] | undefined;
  /** Levels of data labels, the least sensitive first, where they are not the built-in ones (kind: labels). */
  readonly label_levels?: readonly (string | readonly string[])[] | undefined;
  /** House prices (kind: prices), parsed; they win over the price book. */
  readonly prices: readonly unknown[];
  readonly require_policy: boolean;
  /** Levels of agents that have less than all autonomy now, by name: a process may act for several. */
  readonly autonomy?: Readonly<Record<string, string>> | undefined;
  /** Where this agent's requests may go; absent from a processor that says nothing of it. */
  readonly egress?: EgressRules | undefined;
  /** Changes when budgets, policies or prices change; a lease of an older version is acquired anew. */
  readonly governance_version: string;
  /** What people have stopped; absent from a processor that cannot stop anything. */
  readonly stops?: StopList | undefined;
  /** Some policy of the fleet asks what a session did: processes tell one another, by POST /v1/leases/sessions. */
  readonly shares_sessions?: boolean | undefined;
  /** How far the process's agent went before, in all of its processes; absent from a processor that does not remember it. */
  readonly past?: PastSeen | undefined;
}

/** What becomes of a request that is no known model call and not on the agent's list of endpoints. */
export type UnknownEgress = "allow" | "observe" | "deny";

export interface EgressRules {
  readonly unknown: UnknownEgress;
  /** Endpoint patterns (policy/endpoint-pattern.ts); absent: the agent has no list. */
  readonly allow?: readonly string[] | undefined;
  /** Model providers under hosts of one's own: `host[:port][/path]` to `gen_ai.provider.name`. */
  readonly providers?: Readonly<Record<string, string>> | undefined;
}

/** Somebody stopped whoever the selector (policy/selector.ts) matches. A kill beats a pause. */
export interface StopAct {
  readonly id: string;
  readonly act: "kill" | "pause";
  readonly selector: string;
  readonly reason: string;
  /** Who, by the credential that came with the act. */
  readonly author: string;
  /** When, RFC 3339. */
  readonly at: string;
  /** What brought it about where it was no person: a threshold of a budget. */
  readonly source?: string | undefined;
  /** Of a pause: how long calls wait before they are refused. Absent: as long as the gate lets them. */
  readonly wait_ms?: number | undefined;
  /** Of a pause: it holds until a person allows more, and refuses with `approval_required`. */
  readonly asks?: "approval" | undefined;
}

/** All acts in force. Within one `epoch` a lower `revision` is older; another epoch is another processor's data directory. */
export interface StopList {
  readonly epoch: string;
  readonly revision: number;
  readonly acts: readonly StopAct[];
}

/** POST /v1/leases/stopped: a process has applied a list of acts. Answers 200 `{}`. */
export interface StoppedReport {
  readonly process_id: string;
  readonly epoch: string;
  readonly revision: number;
  /** The act that stops this process as a whole; absent when it runs on (some of its calls may be stopped all the same). */
  readonly stopped_by?: string | undefined;
  /** Calls that were given up in the middle. */
  readonly aborted_calls: number;
}

/**
 * POST /v1/leases/acquire: get, renew, report and give back, in one message.
 *
 * `target` is the cumulative total the process would like to have been granted (settled + in flight + wanted). A target
 * below what was granted gives the rest back. `seq` rises with every message of a lease; an older one changes nothing
 * but `settled` (which only rises). `need` is the smallest total that would still let the waiting call go (one token of output).
 */
export interface AcquireRequest {
  readonly process_id: string;
  /** Made by the process (16 bytes in hex): asking twice is asking once. */
  readonly lease_id: string;
  readonly seq: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Cumulative actual cost of ended calls. */
  readonly settled: WireAmounts;
  /** Cumulative amount the ledger may stop waiting at: less than this is a refusal. */
  readonly need: WireAmounts;
  readonly target: WireAmounts;
  /**
   * While it waits: what the process keeps of its grant meanwhile (settled + in flight, cumulative). The rest goes back at
   * once, so that two processes that wait for each other's idle money don't wait for ever. Absent: it keeps everything.
   */
  readonly held?: WireAmounts | undefined;
  /** On top of `target` if there is plenty: saves round trips, first to be recalled. */
  readonly ahead: WireAmounts;
  /** How long the ledger may hold the request while money is reserved elsewhere and not yet spent. */
  readonly wait_ms: number;
}

/** One budget that the lease falls under, as it stood when the reply was made. */
export interface LeaseBudget {
  readonly name: string;
  readonly measure: Measure;
  readonly mode: "hard" | "soft" | "observe";
  readonly unknown_price: "deny" | "estimate" | "allow";
  /** How the input of calls is to be bounded; absent: the budget leaves it to the process. */
  readonly reserve?: "strict" | "tokenizer" | undefined;
  /** Digits: nano-dollars, tokens or calls. */
  readonly limit: string;
  readonly settled: string;
  readonly reserved: string;
  readonly remaining: string;
  /** Thresholds that are crossed now and ask something of the process. */
  readonly actions: readonly LeaseAction[];
}

export type LeaseAction =
  | {
      readonly do: "notify" | "require_approval" | "stop_gracefully" | "pause" | "stop" | "kill";
      readonly at_percent: number;
    }
  | {
      readonly do: "downgrade";
      readonly at_percent: number;
      readonly fallback: Readonly<Record<string, string>>;
      /** At most so many tokens of output. */
      readonly max_output_tokens?: number | undefined;
      /** No more effort than this, for a request that names one. */
      readonly reasoning_effort?: ReasoningEffort | undefined;
    };

export type ReasoningEffort = "none" | "minimal" | "low" | "medium" | "high";

/** `granted`: enough for `need`. `exhausted`: less than `need`, and `refused_by` says which budget. `unlimited`: no budget applies. */
export type AcquireReply = {
  readonly lease_id: string;
  readonly seq: number;
  /** Cumulative total now granted; absent amounts are unlimited when `outcome` is `unlimited`. */
  readonly granted: WireAmounts;
  /** The lease dies this long after the request was sent, unless renewed. */
  readonly ttl_ms: number;
  readonly governance_version: string;
  /** `epoch:revision` of the stops in force: one that the process does not know asks for a hello. */
  readonly stops_version?: string | undefined;
  readonly budgets: readonly LeaseBudget[];
} & (
  | { readonly outcome: "granted" | "unlimited" }
  | {
      readonly outcome: "exhausted";
      readonly refused_by: LeaseBudget;
      /** Absent from a processor that says no more than the figures do. */
      readonly refusal?: LedgerRefusal | undefined;
    }
);

/** POST /v1/leases/close: the last report; what is left goes back. Answers 200 `{}` also for a lease it does not know. */
export interface CloseRequest {
  readonly process_id: string;
  /** As in a hello: a process may end before its next one. */
  readonly failures?: number | undefined;
  readonly leases: readonly { readonly lease_id: string; readonly settled: WireAmounts }[];
}

/** POST /v1/approvals: asks for an approval of one act; the same act asked for again is the same request. */
export interface ApprovalAsk {
  readonly agent: string;
  readonly session: string;
  readonly user: string;
  readonly tool: string;
  readonly arguments?: unknown;
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: string;
  readonly policy_version: string;
  readonly rule: string;
  readonly reason: string;
  readonly process_id: string;
}

/** Answers an ask, and POST /v1/approvals/{id}/use. */
export interface ApprovalReply {
  readonly id: string;
  readonly state: "pending" | "approved" | "denied" | "consumed" | "withdrawn" | "expired";
  readonly act_digest: string;
  readonly arguments_digest: string;
  readonly expires_at: string;
  /** Nobody was asked: a bypass was in force. */
  readonly bypass?: string | undefined;
  readonly comment?: string | undefined;
  readonly answered_by?: string | undefined;
  /** What the tool is to get instead; absent: what was asked. */
  readonly edited_arguments?: unknown;
}

/** POST /v1/approvals/{id}/use: right before the act, once. The same `use_id` again is the same use. */
export interface ApprovalUse {
  readonly act_digest: string;
  readonly use_id: string;
}

/** Of a session: what rules ask for, and one process may learn from another. Each only grows. */
export const SESSION_SETS = ["labels", "tools", "actions", "systems", "destinations"] as const;

/**
 * What was seen of one session: told by a process, what is new since it told the last time and its own counts from the
 * beginning; told to it, what all processes have seen and the others have counted. Sets only grow and counts only rise, so
 * that a message may be lost, doubled or reordered.
 */
export interface SessionSeen extends Readonly<Record<(typeof SESSION_SETS)[number], readonly string[]>> {
  readonly session: string;
  readonly denied: number;
  readonly calls: number;
  readonly spent_nano_usd: string;
}

/**
 * How far an agent went: told by a process, what is new since it told the last time; told to it, what all of its processes
 * told. Only grows, but that of a tool the first description stands that was told.
 */
export interface PastSeen {
  readonly agent: string;
  /** Before its first act nothing is an expansion. */
  readonly has_acted: boolean;
  readonly rows: number;
  readonly width: number;
  /** Of the data that its tools are about. */
  readonly labels: readonly string[];
  /** Digests of where it went and which systems it touched. */
  readonly known: readonly string[];
  /** Fingerprints of the MCP tools that it was offered, by digest of server and name. */
  readonly tools: Readonly<Record<string, string>>;
}

/** POST /v1/leases/sessions: answered once it is durable, after those who listen were told. Naming a session joins it. */
export interface SessionsReport {
  readonly process_id: string;
  readonly sessions: readonly SessionSeen[];
  readonly pasts?: readonly PastSeen[] | undefined;
}

export interface SessionsReply {
  /** Of each session that was named. */
  readonly sessions: readonly SessionSeen[];
  /** Of each agent that was named and that the caller may speak for. */
  readonly pasts?: readonly PastSeen[] | undefined;
}

/** Events of GET /v1/control?process_id=… (server-sent events; `event:` is the type, `data:` this as JSON). */
export type ControlEvent =
  | { readonly type: "hello"; readonly governance_version: string }
  /** Give back what you do not need right now: answer with an acquire whose target is settled + in flight. */
  | { readonly type: "recall"; readonly lease_ids: readonly string[] }
  /** What is stopped now, whole: at the start of each stream and after each act. Answered by POST /v1/leases/stopped. */
  | { readonly type: "stops"; readonly stops: StopList }
  /** Other processes have seen more of sessions that this one has joined. */
  | { readonly type: "sessions"; readonly sessions: readonly SessionSeen[] }
  /** A request for approval of this process was answered, or is over: ask again. */
  | { readonly type: "approval"; readonly id: string }
  /** Budgets, policies or prices changed: say hello again. */
  | { readonly type: "governance"; readonly governance_version: string };
