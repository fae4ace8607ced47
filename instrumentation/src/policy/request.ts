/** That conditions look at. One more than that, and what they say of destinations can't be evaluated. */
export const DESTINATIONS_MAX = 1_024;

/** What a policy decides on. Everything that is left out is empty to the conditions: "", 0, the lowest label, no items. */
export interface PolicyRequest {
  readonly tool: ToolFacts;
  /** The arguments of the call, as they are: they are copied and frozen before anything looks at them. */
  readonly args?: unknown;
  readonly agent?: AgentFacts;
  readonly session?: SessionFacts;
  /** In what this call goes further than this agent went before. */
  readonly expansion?: readonly Expansion[];
  readonly model?: string;
  /** Where the act goes: a host, an address, a bucket. Short for `destinations` of one. */
  readonly destination?: string;
  /** All of those that the call says or its arguments name. */
  readonly destinations?: readonly string[];
  readonly environment?: string;
  /** The engine has no clock: conditions on time see this. Default: 1970. */
  readonly now?: Date;
}

/** What a tool does. Of a tool that nobody declared, and somebody declared others, the registry says all of them. */
export const TOOL_ACTIONS = ["read", "write", "delete", "send", "execute", "grant"] as const;
export type ToolAction = (typeof TOOL_ACTIONS)[number];

export const REVERSIBILITIES = ["reversible", "compensable", "irreversible"] as const;
export type Reversibility = (typeof REVERSIBILITIES)[number];

export interface ToolFacts {
  readonly name: string;
  readonly labels?: readonly string[];
  readonly systems?: readonly string[];
  readonly actions?: readonly string[];
  readonly reversibility?: Reversibility;
  /** Somebody declared it. */
  readonly isKnown?: boolean;
  /** Its server describes it otherwise than it was first described, or declared. */
  readonly isChanged?: boolean;
}

export interface AgentFacts {
  readonly name?: string;
  readonly team?: string;
  readonly role?: string;
  readonly autonomy?: string;
  readonly owner?: string;
  /** Agents on whose behalf it acts: policies that mean one of them hold too. */
  readonly ancestors?: readonly string[];
}

/** What a session has read, done and spent before this call. */
export interface SessionFacts {
  readonly id?: string;
  /** The level of the most sensitive data that it has read. */
  readonly label?: string;
  /** All labels of what it has read. */
  readonly labels?: readonly string[];
  readonly spentUsd?: number;
  readonly calls?: number;
  readonly denied?: number;
  /** Names of the tools that ran. */
  readonly tools?: readonly string[];
  /** What those did, to which systems, and where it went. */
  readonly actions?: readonly string[];
  readonly systems?: readonly string[];
  readonly destinations?: readonly string[];
  /** Tools that ran with `dry_run: true`. */
  readonly dryRuns?: readonly string[];
  /** Whether this very call ran before with `dry_run: true`. */
  readonly isRehearsed?: boolean;
}

/** More rows, a wider query, a label above what was read before, a destination or a system that is new. */
export const EXPANSIONS = ["rows", "query", "label", "destination", "system"] as const;
export type Expansion = (typeof EXPANSIONS)[number];
