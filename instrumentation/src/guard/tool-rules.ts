/**
 * What decides on the tools of this process: the policies of the fleet and of TOLLGATE_POLICY, over all that is known of the
 * tool, the session and the agent's past. Pure decisions; what is remembered is told by `ran` and `denied`.
 */
import { createHash } from "node:crypto";
import type { Attributes } from "@opentelemetry/api";
import { LocalPolicies } from "../config/local-policies.ts";
import type { Logger } from "../config/logger.ts";
import type { Who } from "../gate/call-span.ts";
import { agentChain } from "../policy/agent-chain.ts";
import { leastAutonomy } from "../policy/autonomy.ts";
import { canonicalArguments } from "../policy/canonical-json.ts";
import type { JsonValue } from "../policy/canonical-json.ts";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";
import { compilePolicy, decide } from "../policy/decide.ts";
import type { Decision } from "../policy/decision.ts";
import { parsePolicy } from "../policy/document.ts";
import { DEFAULT_LABEL_ORDER, parseLabelOrder } from "../policy/label.ts";
import type { LabelOrder } from "../policy/label.ts";
import type { CheckContext } from "../policy/policy.ts";
import type { PolicyRequest } from "../policy/request.ts";
import { labelsReadBy, ToolCatalogue } from "../policy/tool-catalogue.ts";
import type { NamedToolDeclaration, ToolDeclaration } from "../policy/tool-catalogue.ts";
import type { HelloReply } from "../protocol.ts";
import * as semconv from "../semconv.ts";
import { searchLabels } from "../session/find-labels.ts";
import type { LabelsFound } from "../session/find-labels.ts";
import { PastBook } from "../session/agent-past.ts";
import { DRY_RUN_KEYS, isDryRun, reachOf } from "../session/reach.ts";
import type { Reach } from "../session/reach.ts";
import type { Session, SessionBook } from "../session/session-book.ts";
import { ToolFingerprints } from "../session/tool-fingerprints.ts";

/** A call that is to be decided on. */
export interface ToolQuestion {
  readonly name: string;
  /** What the program says of its tool. */
  readonly declaration: ToolDeclaration;
  readonly who: Who;
  readonly args: unknown;
  /** The server of MCP whose tool it is. */
  readonly server?: string | undefined;
  /** The program has a policy for this tool. */
  readonly hasOwnPolicy: boolean;
  /** What nobody could say of the agent's past is taken for new. */
  readonly isClosed?: boolean;
}

/** What a call is, to policies and to what remembers it. */
export interface ToolCase {
  readonly request: PolicyRequest;
  readonly session: Session;
  readonly reach: Reach;
  /** Of the arguments without `dry_run`; "" where they have no canonical form. */
  readonly digest: string;
  readonly isDryRun: boolean;
  readonly fingerprint: string;
  /** Some policy has a say: then data is searched for labels. */
  readonly isGoverned: boolean;
  /** All of the arguments were searched for labels. */
  readonly isSearched: boolean;
  readonly hasOwnPolicy: boolean;
}

const NOTHING_FOUND: LabelsFound = { labels: [], isWhole: true };

export class ToolRules {
  /** How far the agents of this process went. */
  readonly pasts = new PastBook();
  readonly #fingerprints = new ToolFingerprints();
  readonly #local: LocalPolicies;
  readonly #logger: Logger;
  readonly #sessions: SessionBook;
  #labels: LabelOrder = DEFAULT_LABEL_ORDER;
  #tools = new ToolCatalogue([], DEFAULT_LABEL_ORDER);
  #fleet: readonly CompiledPolicy[] = [];
  #requirePolicy = false;
  #autonomy: ReadonlyMap<string, string> = new Map();

  constructor(options: {
    readonly policyPath: string | undefined;
    readonly logger: Logger;
    readonly sessions: SessionBook;
  }) {
    this.#sessions = options.sessions;
    this.#logger = options.logger;
    this.#local = new LocalPolicies(options.policyPath, options.logger);
  }

  /** Why no tool may run: TOLLGATE_POLICY was never right. */
  get problems(): readonly string[] {
    return this.#local.problems;
  }

  /** Some condition asks in what a call goes beyond the agent's past, or whether a tool is described as before. */
  get asksPast(): boolean {
    return [...this.#fleet, ...this.#local.policies].some((policy) => policy.asksPast);
  }

  /** A server of MCP lists its tools to an agent. */
  offered({
    agent,
    server,
    tools,
  }: {
    readonly agent: string;
    readonly server: string;
    readonly tools: unknown;
  }): void {
    for (const tool of this.#fingerprints.observe(server, tools)) this.pasts.offer(agent, { server, ...tool });
  }

  onHello(hello: Pick<HelloReply, "require_policy" | "policies" | "tools" | "label_levels" | "autonomy">): void {
    this.#requirePolicy = hello.require_policy;
    this.#autonomy = new Map(Object.entries(hello.autonomy ?? {}));
    const order = hello.label_levels === undefined ? undefined : parseLabelOrder(hello.label_levels);
    const labels = order?.ok === true ? order.order : DEFAULT_LABEL_ORDER;
    this.#labels = labels;
    this.#tools = new ToolCatalogue((hello.tools ?? []).filter(isDeclaration), labels);
    this.#fleet = hello.policies.flatMap((document) => {
      const parsed = parsePolicy(document, { labels });
      if (parsed.ok) return [compilePolicy(parsed.policy, { labels })];
      // A policy that can't be read must not open what it was meant to close.
      this.#requirePolicy = true;
      const place = parsed.problems[0]?.path ?? "";
      this.#logger.log("error", `the processor sent a policy that can't be read: ${place}`);
      return [];
    });
  }

  /** All that is known of a call. */
  caseOf({ name, declaration, who, args, server, hasOwnPolicy, isClosed = false }: ToolQuestion): ToolCase {
    const past = this.pasts.of(who.agent);
    // Nobody could be asked, or who was had to forget.
    const isUnknown = past.standing !== "heard" && (isClosed || this.pasts.hasForgotten);
    const { fingerprint, isChanged } = this.#describedAs(name, { who, server, declaration, isUnknown });
    const tool = { ...this.#tools.factsOf(name, declaration), isChanged };
    const canonical = args === undefined ? undefined : canonicalArguments(args);
    const given = canonical?.ok === true ? canonical.arguments.value : undefined;
    const session = this.#sessions.of(who.labels["session"] ?? "");
    const { digest, isDryRun } = rehearsalOf(given);
    const isGoverned = hasOwnPolicy || this.#fleet.length > 0 || this.#local.policies.length > 0;
    // Whatever stands in the arguments, the session has it.
    const found = given !== undefined && isGoverned ? searchLabels(given, this.#labels) : NOTHING_FOUND;
    session.read(found.labels);
    const way = reachOf(given, tool);
    const reach = { ...way, labels: [...way.labels, ...found.labels] };
    const request: PolicyRequest = {
      ...whoFacts(who, this.#autonomy),
      tool,
      args,
      session: session.facts(this.#labels, { tool: name, digest }),
      expansion: past.expansions(reach, this.#labels, { isBegun: isUnknown }),
      destinations: reach.destinations,
      now: new Date(),
    };
    const isSearched = found.isWhole;
    return { request, session, reach, digest, isDryRun, fingerprint, isGoverned, isSearched, hasOwnPolicy };
  }

  /** How a tool of MCP is described, and whether that is how the agent came to know it. */
  #describedAs(
    tool: string,
    asked: Pick<ToolQuestion, "who" | "server" | "declaration"> & { readonly isUnknown: boolean },
  ): { readonly fingerprint: string; readonly isChanged: boolean } {
    const { who, server = "", declaration, isUnknown } = asked;
    const declared = this.#tools.declared(tool)?.fingerprint ?? declaration.fingerprint;
    const past = this.pasts.of(who.agent);
    const first = this.#fingerprints.firstOf(server, tool);
    // Of a tool that another agent of the process was offered.
    if (first !== undefined) this.pasts.offer(who.agent, { server, name: tool, fingerprint: first });
    const trusted = declared ?? (isUnknown ? "" : past.firstOf(server, tool));
    return this.#fingerprints.stateOf({ server, tool }, trusted);
  }

  decide({ request, hasOwnPolicy }: ToolCase): Decision {
    const requirePolicy = this.#requirePolicy && !hasOwnPolicy;
    return decide([...this.#fleet, ...this.#local.policies], request, { requirePolicy });
  }

  denied({ session }: ToolCase): void {
    session.deny();
  }

  /** The call ran, and gave or threw this. Returns what its span says of the data in play. */
  ran(judged: ToolCase, result: unknown): Attributes {
    const { session, reach, digest, isDryRun, request, isGoverned, isSearched } = judged;
    const { tool, agent } = request;
    const found = isGoverned ? searchLabels(result, this.#labels) : NOTHING_FOUND;
    const labels = [...labelsReadBy(tool), ...found.labels];
    session.did({ tool, destinations: reach.destinations, labels, digest, isDryRun });
    if (!isDryRun) this.pasts.add(agent?.name ?? "", reach);
    return {
      [semconv.ATTR_TOLLGATE_DATA_LABEL]: this.#labels.highest(session.labels),
      ...(!(isSearched && found.isWhole) && { [semconv.ATTR_TOLLGATE_DATA_UNSEARCHED]: true }),
    };
  }

  /** A call that has run gave this after its answer. */
  gave({ session, isGoverned }: ToolCase, result: unknown): void {
    if (isGoverned) session.read(searchLabels(result, this.#labels).labels);
  }
}

/** What the policy of a program is told beside name and arguments. */
export function checkContextOf({ request }: ToolCase): CheckContext {
  const { tool, args: _args, now: _now, ...context } = request;
  const { name: _name, ...facts } = tool;
  return { ...context, ...facts };
}

function whoFacts(who: Who, levels: ReadonlyMap<string, string>): Pick<PolicyRequest, "agent" | "environment"> {
  const { team, role, owner } = who.labels;
  const environment =
    who.labels["environment"] ?? who.labels["deployment.environment.name"] ?? who.labels["deployment.environment"];
  const ancestors = agentChain(who.labels).filter((name) => name !== who.agent);
  const autonomy = autonomyOf(who, ancestors, levels);
  return {
    agent: {
      name: who.agent,
      ancestors,
      ...(team && { team }),
      ...(role && { role }),
      ...(autonomy && { autonomy }),
      ...(owner && { owner }),
    },
    ...(environment && { environment }),
  };
}

/** Nobody has more than those he acts for: who started him, and whose names stand before each `/` of his. */
function autonomyOf(
  { agent, labels }: Who,
  ancestors: readonly string[],
  levels: ReadonlyMap<string, string>,
): string | undefined {
  const { autonomy } = labels;
  if (levels.size === 0) return autonomy;
  const found = [autonomy, levels.get(agent), ...ancestors.map((name) => levels.get(name))];
  for (let at = agent.lastIndexOf("/"); at > 0; at = agent.lastIndexOf("/", at - 1))
    found.push(levels.get(agent.slice(0, at)));
  return leastAutonomy(found);
}

/** The same call without `dry_run` is what a dry run rehearses. */
function rehearsalOf(args: JsonValue | undefined): { readonly digest: string; readonly isDryRun: boolean } {
  if (args === undefined) return { digest: "", isDryRun: false };
  const members = typeof args === "object" && args !== null && !Array.isArray(args) ? args : undefined;
  const given = members as { readonly [key: string]: JsonValue } | undefined;
  const rest = given === undefined ? args : without(given, DRY_RUN_KEYS);
  const canonical = canonicalArguments(rest);
  const text = canonical.ok ? canonical.arguments.json : "";
  return { digest: createHash("sha256").update(text).digest("hex"), isDryRun: isDryRun(args) };
}

function without(members: { readonly [key: string]: JsonValue }, keys: readonly string[]): JsonValue {
  if (!keys.some((key) => Object.hasOwn(members, key))) return members;
  return Object.fromEntries(Object.entries(members).filter(([key]) => !keys.includes(key)));
}

function isDeclaration(value: unknown): value is NamedToolDeclaration {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string";
}
