import type { PricesDocument } from "@tollgate/instrumentation/pricing";
import type { Budget } from "../../budget/budget.ts";
import type { AgentDocument } from "../../policy/agent-document.ts";
import type { LabelsDocument } from "../../policy/labels-document.ts";
import type { PolicyBinding } from "../../policy/registry.ts";
import type { ToolDocument } from "../../policy/tool-document.ts";
import type { RunawayDocument } from "../../runaway/runaway-document.ts";
import type { AlertDocument } from "./alert-document.ts";

/** One document as it was written, its variables filled in. */
export interface WrittenDocument {
  readonly kind: string;
  readonly name: string;
  /** Where it was written. */
  readonly file: string;
  readonly value: unknown;
}

/** Everything that governance documents say, checked. Names are unique within a kind. */
export interface Governance {
  readonly budgets: readonly Budget[];
  readonly policies: readonly PolicyBinding[];
  readonly agents: readonly AgentDocument[];
  readonly prices: readonly PricesDocument[];
  readonly tools: readonly ToolDocument[];
  /** The order of data labels, where it is not the built-in one. */
  readonly labels?: LabelsDocument | undefined;
  readonly alerts: readonly AlertDocument[];
  readonly runaways: readonly RunawayDocument[];
  /** All of them as written, in the order of their files. */
  readonly documents: readonly WrittenDocument[];
  /** All documents that decide (budgets, policies, agents, prices, tools, labels) as one text; the same text means the same governance. */
  readonly fingerprint: string;
}
