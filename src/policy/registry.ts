/**
 * The registry of agents: what governance documents say of who an agent is and which policies bind it. What it says wins
 * over what a process claims of itself: a budget or a policy must not be escaped by a resource attribute.
 */
import { createHash } from "node:crypto";
import { agentChain, leastAutonomy } from "@tollgate/instrumentation/policy";
import type { EgressRules, UnknownEgress } from "@tollgate/instrumentation/protocol";
import type { AgentDocument } from "./agent-document.ts";
import { demoted } from "./demotion.ts";
import type { LabelsDocument } from "./labels-document.ts";
import type { ToolDocument } from "./tool-document.ts";

export type Labels = Readonly<Record<string, string>>;

/** What the registry needs of a policy: whom it binds. The rest is the gate's business. */
export interface PolicyBinding {
  readonly name: string;
  /** True when the policy's `agents` match the name. */
  readonly appliesTo: (agent: string) => boolean;
  /** Its `agents`; empty or absent: every agent. */
  readonly agents?: readonly string[];
  /** The document as parsed, for the gate. */
  readonly document: unknown;
}

export interface RegistryContent {
  readonly agents: readonly AgentDocument[];
  readonly policies: readonly PolicyBinding[];
  readonly prices: readonly unknown[];
  readonly tools?: readonly ToolDocument[];
  readonly labels?: LabelsDocument | undefined;
  readonly requirePolicy: boolean;
  /** For agents whose document says nothing of it. @default "observe" */
  readonly unknownEgress?: UnknownEgress;
  /** Everything that decides, as one text: budgets too. Its digest is the governance version. */
  readonly fingerprint: string;
}

export interface RegisteredLabels {
  readonly owner?: string;
  readonly team?: string;
  readonly role?: string;
  readonly autonomy?: string;
  readonly tenant?: string;
}

/** Labels that an agent's document settles where it names them. */
const REGISTERED_KEYS = ["owner", "team", "role", "autonomy", "tenant"] as const;

export class AgentRegistry {
  #agents: ReadonlyMap<string, AgentDocument>;
  #content: RegistryContent;
  #version: string;
  #asksSessions: boolean;
  /** Some document says how much an agent may do by itself. */
  #areLevelled: boolean;
  /** Severity of the worst open incident of each agent. */
  #incidents: ReadonlyMap<string, string> = new Map();

  constructor(content: RegistryContent) {
    this.#content = content;
    this.#agents = byName(content.agents);
    this.#version = versionOf(content, this.#incidents);
    this.#asksSessions = asksSessions(content);
    this.#areLevelled = content.agents.some(({ autonomy }) => autonomy !== undefined);
  }

  /** Holds the agents of open incidents closer: the worst severity of each. False when nothing changes by it. */
  demote(incidents: ReadonlyMap<string, string>): boolean {
    const version = versionOf(this.#content, incidents);
    const isNews = version !== this.#version;
    this.#incidents = incidents;
    this.#version = version;
    return isNews;
  }

  /** Severity of the worst open incident about an agent. */
  severityOf(agent: string): string | undefined {
    return this.#incidents.get(agent);
  }

  /** Puts other documents in force, at once for all that asks from here on. */
  replace(content: RegistryContent): void {
    this.#content = content;
    this.#agents = byName(content.agents);
    this.#version = versionOf(content, this.#incidents);
    this.#asksSessions = asksSessions(content);
    this.#areLevelled = content.agents.some(({ autonomy }) => autonomy !== undefined);
  }

  /** Changes when budgets, policies, agents or prices change, and with the incidents that are open. 16 hex digits. */
  get version(): string {
    return this.#version;
  }

  get prices(): readonly unknown[] {
    return this.#content.prices;
  }

  get requirePolicy(): boolean {
    return this.#content.requirePolicy;
  }

  /** What an agent's document and its open incidents settle; `undefined` for an agent without either. */
  registered(agent: string): RegisteredLabels | undefined {
    const document = this.#agents.get(agent);
    const severity = this.#incidents.get(agent);
    if (document === undefined && severity === undefined) return undefined;
    // Who has a document and no level in it may do all that policies say: an incident takes from that, too.
    const declared =
      document?.autonomy ?? (document !== undefined && severity !== undefined ? "autonomous" : undefined);
    const autonomy = demoted(declared, severity);
    const settled = { ...document, autonomy };
    return Object.fromEntries(
      REGISTERED_KEYS.flatMap((key) => (settled[key] === undefined ? [] : [[key, settled[key]]])),
    );
  }

  /** Who answers for an agent: its owner, and those who wrote it. */
  responsible(agent: string): readonly string[] {
    const { owner, authors = [] } = this.#agents.get(agent) ?? {};
    return owner === undefined ? authors : [owner, ...authors];
  }

  /**
   * `claimed` after the registry had its say: `owner`, `team`, `role`, `autonomy` and `tenant` are the document's where it names them, else the
   * claim stands. Nobody has more autonomy than those he acts for, by document, by name or by his own word. `agent` is always the name itself.
   */
  labels(agent: string, claimed: Labels): Labels {
    const labels = { ...claimed, ...this.registered(agent), agent };
    if (!this.#hasLevels) return labels;
    const above = [...agentChain(labels), ...this.ancestors(agent)].filter((name) => name !== agent);
    const autonomy = leastAutonomy([labels["autonomy"], ...above.map((name) => this.registered(name)?.autonomy)]);
    return autonomy === undefined ? labels : { ...labels, autonomy };
  }

  /** Of the agents of a tenant, or of none: those that have less than all autonomy now. */
  autonomyOf(tenant: string | undefined): Readonly<Record<string, string>> {
    if (!this.#hasLevels) return {};
    const names = new Set([...this.#agents.keys(), ...this.#incidents.keys()]);
    const levels: [string, string][] = [];
    for (const name of names) {
      const { autonomy = "autonomous", tenant: own } = this.labels(name, {});
      if (own === tenant && autonomy !== "autonomous") levels.push([name, autonomy]);
    }
    return Object.fromEntries(levels);
  }

  get #hasLevels(): boolean {
    return this.#incidents.size > 0 || this.#areLevelled;
  }

  /** What becomes of requests to endpoints that an agent's document does not list and says nothing of. */
  get unknownEgress(): UnknownEgress {
    return this.#content.unknownEgress ?? "observe";
  }

  /** Where an agent's requests may go. */
  egress(agent: string): EgressRules {
    const { unknown, ...lists } = this.#agents.get(agent)?.egress ?? {};
    return { unknown: unknown ?? this.unknownEgress, ...lists };
  }

  get agents(): readonly AgentDocument[] {
    return this.#content.agents;
  }

  get tools(): readonly ToolDocument[] {
    return this.#content.tools ?? [];
  }

  /** Levels of data labels; `undefined`: the built-in order. */
  get labelLevels(): LabelsDocument["order"] | undefined {
    return this.#content.labels?.order;
  }

  /** Whether some policy may ask what sessions did: its conditions name them. */
  get asksSessions(): boolean {
    return this.#asksSessions;
  }

  /** Whom each policy binds, in the order of their documents. */
  get bindings(): readonly PolicyBinding[] {
    return this.#content.policies;
  }

  /** All policies, in the order of their documents. */
  get allPolicies(): readonly unknown[] {
    return this.#content.policies.map(({ document }) => document);
  }

  /**
   * The policies that may bind a process which acts for `agent`, and for any other that it may name: its sub-agents are
   * agents of their own. `isBoundTo`: which names its credential allows; `undefined`: all of them.
   */
  policiesOfProcess(agent: string, isBoundTo: ((agent: string) => boolean) | undefined): readonly unknown[] {
    const mayBind = ({ appliesTo, agents = [] }: PolicyBinding): boolean =>
      isBoundTo === undefined ||
      appliesTo(agent) ||
      agents.some((pattern) => /[*?[{\\]/.test(pattern) || isBoundTo(pattern));
    const own = this.#content.policies.filter(mayBind).map(({ document }) => document);
    return [...new Set([...own, ...this.policies(agent)])];
  }

  /**
   * The policies that bind an agent, in the order of their documents: its own, and those of all above it, rewritten to name
   * it. As the strictest of all decides, an agent can never do what one above it may not.
   */
  policies(agent: string): readonly unknown[] {
    const above = this.ancestors(agent);
    return this.#content.policies.flatMap(({ appliesTo, document }) => {
      if (appliesTo(agent)) return [document];
      if (!above.some((ancestor) => appliesTo(ancestor))) return [];
      return [{ ...(document as object), agents: [PLAIN_NAME.test(agent) ? agent : "*"] }];
    });
  }

  /** Who an agent acts for, the nearest first: the parents its documents name, else the names before each `/` of its own. */
  ancestors(agent: string): readonly string[] {
    const found: string[] = [];
    let current: string | undefined = agent;
    while (found.length < ANCESTORS_MAX) {
      current = parentOf(current, this.#agents.get(current)?.parent);
      if (current === undefined || current === agent || found.includes(current)) break;
      found.push(current);
    }
    return found;
  }
}

/** Documents with more above an agent are refused; a name, of 200 characters at most, has fewer parts. */
export const ANCESTORS_MAX = 128;

/** `named`: the parent that its document names. */
export function parentOf(agent: string, named: string | undefined): string | undefined {
  const slash = agent.lastIndexOf("/");
  return named ?? (slash > 0 ? agent.slice(0, slash) : undefined);
}

/** Without what means something in a pattern. */
const PLAIN_NAME = /^[A-Za-z0-9._@/+-]+$/;

/** By the word: one policy too many costs some messages, one too few would let data out. */
function asksSessions({ policies }: RegistryContent): boolean {
  return policies.some(({ document }) => JSON.stringify(document)?.includes("session") === true);
}

function byName(agents: readonly AgentDocument[]): ReadonlyMap<string, AgentDocument> {
  return new Map(agents.map((agent) => [agent.name, agent]));
}

/** The version that a registry of this content has. `incidents`: the worst severity of each agent's open ones. */
export function versionOf(
  { fingerprint }: Pick<RegistryContent, "fingerprint">,
  incidents: ReadonlyMap<string, string> = new Map(),
): string {
  const hash = createHash("sha256").update(fingerprint);
  // In one order at all processors.
  if (incidents.size > 0) hash.update(JSON.stringify([...incidents].toSorted(([a], [b]) => (a < b ? -1 : 1))));
  return hash.digest("hex").slice(0, 16);
}
