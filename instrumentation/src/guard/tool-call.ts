/** What the tool gate is given: a call of a tool, whoever runs it. */
import type { Attributes } from "@opentelemetry/api";
import type { Policy } from "../policy/policy.ts";
import type { ToolDeclaration } from "../policy/tool-catalogue.ts";

/** `labels`, `systems`, `actions`, `reversibility`: what the tool is about, beside what its `kind: tool` document says. */
export interface ToolOptions extends Omit<ToolDeclaration, "fingerprint"> {
  /** Decides beside the policies of the fleet and of TOLLGATE_POLICY; all have to agree. */
  readonly policy?: Policy;
  /** How long a run that needs an approval waits for it before `ApprovalPending`. @default TOLLGATE_APPROVAL_WAIT_MS, 0 */
  readonly approvalWaitMs?: number;
}

/** For what a tool gives after its answer. A promise where nobody may have it before other processes know of it. */
export type GivesLater = (result: unknown) => Promise<void> | undefined;

export interface ToolCall {
  readonly name: string;
  readonly options: ToolOptions;
  readonly parameters: readonly unknown[];
  /** Runs the tool with these parameters. */
  readonly run: (parameters: readonly unknown[], gives: GivesLater) => unknown;
  /** What else the span says. */
  readonly attributes?: Attributes;
  /** The server of MCP whose tool it is. */
  readonly server?: string;
  /** The app's own: from its abort on nobody waits for a decision. */
  readonly signal?: AbortSignal | undefined;
}
