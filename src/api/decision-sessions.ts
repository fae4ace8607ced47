/**
 * What `/v1/decisions` knows of sessions, where some policy asks, and of how far an agent went: what all processes of them have
 * seen, gates and callers of the API alike. A decision adds to it before it is answered: a refusal; or, as the caller is about to act on it, what the
 * tool does and reads by its declaration. What its result holds, the caller would have to tell: nothing else sees it.
 */
import {
  canonicalArguments,
  type JsonValue,
  type SessionFacts,
  type ToolFacts,
} from "@tollgate/instrumentation/policy";
import { AgentPast, type Expansion, findLabels, isDryRun, labelsReadBy } from "@tollgate/instrumentation/policy";
import { type Reach, reachOf } from "@tollgate/instrumentation/policy";
import { labelOrderOf } from "../policy/decider.ts";
import type { AgentRegistry, Labels } from "../policy/registry.ts";
import type { PastStore } from "../sessions/past-store.ts";
import { seenBy } from "../sessions/session-row.ts";
import type { SessionStore } from "../sessions/session-store.ts";
import { TENANT_LABEL } from "../support/tenant.ts";
import { notKept } from "./session-reports.ts";

/** Stands for all callers of the API among a session's processes. */
const API = "api";

interface Asked {
  /** After the registry had its say. */
  readonly labels: Labels;
  readonly session: string;
  readonly args: unknown;
}

export interface Outcome extends Asked {
  readonly decision: string;
  readonly tool: ToolFacts;
  readonly reach: Reach;
}

/** How far a call goes: by its arguments, its tool, and what the caller says. */
export interface Going {
  readonly args: unknown;
  readonly tool: ToolFacts;
  readonly destination: string | undefined;
}

export interface DecisionSessionsOptions {
  readonly sessions: SessionStore;
  readonly pasts: PastStore;
  readonly registry: AgentRegistry;
}

export class DecisionSessions {
  readonly #sessions: SessionStore;
  readonly #pasts: PastStore;
  readonly #registry: AgentRegistry;

  constructor({ sessions, pasts, registry }: DecisionSessionsOptions) {
    this.#sessions = sessions;
    this.#pasts = pasts;
    this.#registry = registry;
  }

  /** Where it goes is what the caller says, then what its arguments do. */
  goingOf({ args, tool, destination }: Going): Reach & { readonly isDryRun: boolean } {
    const canonical = args === undefined ? undefined : canonicalArguments(args);
    const given: JsonValue | undefined = canonical?.ok === true ? canonical.arguments.value : undefined;
    const reach = reachOf(given, tool);
    const destinations = destination ? [...new Set([destination, ...reach.destinations])] : reach.destinations;
    return { ...reach, destinations, labels: [...reach.labels, ...this.#found(given)], isDryRun: isDryRun(given) };
  }

  /** In what a call goes beyond the agent's past. */
  expansionsOf(labels: Labels, reach: Reach): readonly Expansion[] {
    const past = this.#pasts.of({ tenant: labels[TENANT_LABEL] ?? "", agent: labels["agent"] ?? "" });
    return AgentPast.of(past).expansions(reach, labelOrderOf(this.#registry));
  }

  /** The caller is about to act: from now on it is the agent's past. What can't be kept is new once more. */
  async went(labels: Labels, reach: Reach): Promise<void> {
    const past = new AgentPast(labels["agent"] ?? "");
    past.add(reach);
    await this.#pasts.tell({ tenant: labels[TENANT_LABEL] ?? "", past: past.untold() }).catch(() => {});
  }

  factsOf({ labels, session, args }: Asked): SessionFacts {
    if (!this.#registry.asksSessions) return { id: session };
    const order = labelOrderOf(this.#registry);
    const row = this.#sessions.find({ tenant: labels[TENANT_LABEL] ?? "", session });
    const seen = row === undefined ? undefined : seenBy(row, "");
    // Whatever stands in the arguments, the session has it.
    const read = [...(seen?.labels ?? []), ...this.#found(args)];
    const { denied = 0, calls = 0, tools = [], actions = [], systems = [], destinations = [] } = seen ?? {};
    const spentUsd = Number(BigInt(seen?.spent_nano_usd ?? "0")) / 1e9;
    const facts = { labels: read, spentUsd, calls, denied, tools, actions, systems, destinations };
    return { id: session, label: order.highest(read), ...facts };
  }

  /** Resolves once it is kept; throws `not_stored` when it can't be. */
  async record({ labels, session, args, decision, tool, reach }: Outcome): Promise<void> {
    if (!this.#registry.asksSessions || decision === "require_approval") return;
    const isAllowed = decision === "allow";
    const did = {
      labels: [...(isAllowed ? labelsReadBy(tool) : []), ...this.#found(args)],
      tools: isAllowed ? [tool.name] : [],
      actions: isAllowed ? (tool.actions ?? []) : [],
      systems: isAllowed ? (tool.systems ?? []) : [],
      destinations: isAllowed ? reach.destinations : [],
    };
    const counts = { denied: isAllowed ? 0 : 1, calls: isAllowed ? 1 : 0, spent_nano_usd: "0" };
    const report = { tenant: labels[TENANT_LABEL] ?? "", process: API, isMore: true };
    await this.#sessions.report({ ...report, seen: { session, ...did, ...counts } }).catch(notKept);
  }

  #found(args: unknown): readonly string[] {
    return args === undefined ? [] : findLabels(args, labelOrderOf(this.#registry));
  }
}
