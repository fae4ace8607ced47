import type { DataLabel } from "./label.ts";

/** What a policy decides on. Everything that is left out is empty to the conditions: "", 0, `public`, no items. */
export interface PolicyRequest {
  readonly tool: ToolFacts;
  /** The arguments of the call, as they are: they are copied and frozen before anything looks at them. */
  readonly args?: unknown;
  readonly agent?: AgentFacts;
  readonly session?: SessionFacts;
  readonly model?: string;
  /** Where the act goes: a host, an address, a bucket. */
  readonly destination?: string;
  readonly environment?: string;
  /** The engine has no clock: conditions on time see this. Default: 1970. */
  readonly now?: Date;
}

export interface ToolFacts {
  readonly name: string;
  readonly labels?: readonly string[];
  readonly systems?: readonly string[];
  readonly actions?: readonly string[];
}

export interface AgentFacts {
  readonly name?: string;
  readonly team?: string;
  readonly role?: string;
  readonly autonomy?: string;
}

export interface SessionFacts {
  /** The highest data label that the session has read. */
  readonly label?: DataLabel;
  readonly spentUsd?: number;
  readonly calls?: number;
  readonly denied?: number;
}
