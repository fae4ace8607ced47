/**
 * Watches calls for agents that run wild. Pure: calls with their own times go in, alarms come out, each once for its episode: it
 * ends when what was found has been gone for a while. What is remembered is bounded: of the agents (and their sessions) that
 * were silent for longest, everything is forgotten.
 */
import { compileGlob } from "@tollgate/instrumentation/policy";
import { RecentMap } from "../support/recent-map.ts";
import { shortKey } from "../support/short-key.ts";
import { CallRate } from "./call-rate.ts";
import { type CallDigest, RepeatCounter } from "./repeats.ts";
import type { RunawayAction, RunawayDocument, RunawayRule } from "./runaway-document.ts";
import { SpendVelocity, type VelocityLimits } from "./spend-velocity.ts";

/** A call to a model or a tool, as the meter saw it. */
export interface WatchedCall extends CallDigest {
  readonly kind: "model" | "tool";
  readonly labels: Readonly<Record<string, string>>;
  readonly agent: string;
  /** What separates runs of one agent: its session, or the trace. */
  readonly run: string;
  /** Whether `run` is a session, which a selector can name. */
  readonly isSession: boolean;
  readonly atMs: number;
  readonly nanoUsd: bigint;
  /** Of the tool's name. "" for models. */
  readonly tool: string;
  /** With the usage the same for the same call; "" when nothing tells. */
  readonly digest: string;
  /** Agents on whose behalf it is made. */
  readonly depth: number;
}

export interface RunawayAlarm {
  readonly document: string;
  readonly rule: RunawayRule;
  readonly do: RunawayAction;
  readonly agent: string;
  /** "" when the whole agent is meant. */
  readonly session: string;
  readonly atMs: number;
  /** For people: what was found. No content. */
  readonly finding: string;
}

export interface RunawayWatchOptions {
  readonly documents: readonly RunawayDocument[];
  /** Agents and sessions remembered. @default 5000 */
  readonly subjectsMax?: number;
}

/** What was found must be gone for so long before it is found anew. */
export const EPISODE_MS = 600_000;
const SUBJECTS_MAX = 5_000;

/** What is remembered of an agent under one document. What no rule has asked for is not made. */
interface AgentSubject {
  velocity?: SpendVelocity;
  rate?: CallRate;
  /** When each rule last found something. */
  readonly foundAtMs: Map<RunawayRule, number>;
}

/** And of one run of it. */
interface RunSubject {
  tools?: RepeatCounter;
  models?: RepeatCounter;
  readonly foundAtMs: Map<RunawayRule, number>;
}

export class RunawayWatch {
  readonly #rules: readonly DocumentRules[];

  constructor({ documents, subjectsMax = SUBJECTS_MAX }: RunawayWatchOptions) {
    // Agents and runs of each document are remembered apart.
    const rememberedMax = Math.floor(subjectsMax / Math.max(1, 2 * documents.length));
    this.#rules = documents.map((document) => new DocumentRules(document, rememberedMax));
  }

  get subjects(): number {
    return this.#rules.reduce((sum, rules) => sum + rules.subjects, 0);
  }

  see(call: WatchedCall): readonly RunawayAlarm[] {
    let alarms: readonly RunawayAlarm[] = NONE;
    for (const rules of this.#rules) {
      if (!rules.appliesTo(call)) continue;
      const found = rules.judge(call);
      if (found.length > 0) alarms = [...alarms, ...found];
    }
    return alarms;
  }
}

const NONE: readonly never[] = [];

/** What a rule found that is news. */
type Finding = Pick<RunawayAlarm, "rule" | "do" | "finding"> & { readonly isOfRun: boolean };

class DocumentRules {
  readonly #document: RunawayDocument;
  readonly #scope: readonly { readonly label: string; readonly matches: (text: string) => boolean }[];
  readonly #exceptTools: readonly ((text: string) => boolean)[];
  readonly #agents: RecentMap<string, AgentSubject>;
  /** By the agent's name and the run, told apart by the name's length. */
  readonly #runs: RecentMap<string, RunSubject>;
  /** Whose subject was asked for last: calls of one run come one after the other. */
  #last: { readonly agent: string; readonly run: string; readonly subject: RunSubject } | undefined;
  readonly #velocityLimits: VelocityLimits | undefined;

  constructor(document: RunawayDocument, rememberedMax: number) {
    this.#document = document;
    this.#scope = Object.entries(document.scope).map(([label, glob]) => ({ label, matches: compileGlob(glob) }));
    this.#exceptTools = (document.loops?.except_tools ?? []).map((glob) => compileGlob(glob));
    this.#agents = new RecentMap(rememberedMax);
    this.#runs = new RecentMap(rememberedMax);
    const { velocity } = document;
    this.#velocityLimits = velocity && {
      ceilingNanoUsd: velocity.per_minute,
      timesUsual: velocity.times_usual,
      atLeastNanoUsd: velocity.at_least,
    };
  }

  get subjects(): number {
    return this.#agents.size + this.#runs.size;
  }

  appliesTo({ labels }: WatchedCall): boolean {
    for (const { label, matches } of this.#scope) {
      const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
      if (value === undefined || !matches(value)) return false;
    }
    return true;
  }

  /** The alarms of a call. On the way of every call: most leave nothing behind here but counts. */
  judge(call: WatchedCall): readonly RunawayAlarm[] {
    const loop = this.#loop(call);
    const storm = this.#storm(call);
    const velocity = this.#velocity(call);
    const depth = this.#depth(call);
    if (loop === undefined && storm === undefined && velocity === undefined && depth === undefined) return NONE;
    return [loop, storm, velocity, depth].filter((alarm) => alarm !== undefined);
  }

  #alarm(call: WatchedCall, { isOfRun, ...found }: Finding): RunawayAlarm {
    const session = isOfRun && call.isSession ? call.run : "";
    return { document: this.#document.name, agent: call.agent, session, atMs: call.atMs, ...found };
  }

  #agent({ agent }: WatchedCall): AgentSubject {
    return this.#agents.getOr(shortKey(agent), newAgent);
  }

  #run({ agent, run }: WatchedCall): RunSubject {
    const last = this.#last;
    if (last?.run === run && last.agent === agent) return last.subject;
    const subject = this.#runs.getOr(shortKey(`${agent.length} ${agent}${run}`), newRun);
    this.#last = { agent, run, subject };
    return subject;
  }

  #loop(call: WatchedCall): RunawayAlarm | undefined {
    const { loops } = this.#document;
    if (loops === undefined || call.digest === "") return undefined;
    const isTool = call.kind === "tool";
    if (isTool && this.#exceptTools.some((matches) => matches(call.tool))) return undefined;
    // Apart, because what a model is asked grows with each turn of a loop over tools.
    const run = this.#run(call);
    const counter = isTool
      ? (run.tools ??= new RepeatCounter({ repeats: loops.repeats, withinMs: loops.within }))
      : (run.models ??= new RepeatCounter({ repeats: loops.repeats, withinMs: loops.within }));
    const repeats = counter.add(call, call.atMs);
    if (repeats === undefined || !isNews(run, "loops", call.atMs)) return undefined;
    const what = isTool ? `tool \`${call.tool}\`` : "model";
    const cycle = repeats.cycle === 1 ? "the same call" : `the same ${repeats.cycle} calls in turn`;
    const finding = `${cycle} (${what}) ${repeats.times} times in a row`;
    return this.#alarm(call, { rule: "loops", do: loops.do, isOfRun: true, finding });
  }

  #storm(call: WatchedCall): RunawayAlarm | undefined {
    const { tool_storm: storm } = this.#document;
    if (storm === undefined || call.kind !== "tool") return undefined;
    const agent = this.#agent(call);
    const count = (agent.rate ??= new CallRate()).add(call.atMs);
    if (count <= storm.per_minute || !isNews(agent, "tool_storm", call.atMs)) return undefined;
    const finding = `${count} tool calls within a minute; ${storm.per_minute} may`;
    return this.#alarm(call, { rule: "tool_storm", do: storm.do, isOfRun: false, finding });
  }

  #velocity(call: WatchedCall): RunawayAlarm | undefined {
    const { velocity } = this.#document;
    const limits = this.#velocityLimits;
    if (velocity === undefined || limits === undefined || call.nanoUsd === 0n) return undefined;
    const agent = this.#agent(call);
    const found = (agent.velocity ??= new SpendVelocity()).add(call.nanoUsd, call.atMs, limits);
    if (found === undefined || !isNews(agent, "velocity", call.atMs)) return undefined;
    const than = found.kind === "unusual" ? `usual are ${usdText(found.usual)}` : `${usdText(found.limit)} may`;
    const finding = `${usdText(found.nanoUsd)} in one minute; ${than}`;
    return this.#alarm(call, { rule: "velocity", do: velocity.do, isOfRun: false, finding });
  }

  #depth(call: WatchedCall): RunawayAlarm | undefined {
    const { depth } = this.#document;
    if (depth === undefined || call.depth <= depth.max) return undefined;
    if (!isNews(this.#run(call), "depth", call.atMs)) return undefined;
    const finding = `${call.depth} agents stand between this call and who started it; ${depth.max} may`;
    return this.#alarm(call, { rule: "depth", do: depth.do, isOfRun: true, finding });
  }
}

/** Whether what a rule found is the first of an episode. */
function isNews({ foundAtMs }: AgentSubject | RunSubject, rule: RunawayRule, atMs: number): boolean {
  const before = foundAtMs.get(rule);
  foundAtMs.set(rule, atMs);
  return before === undefined || atMs - before >= EPISODE_MS;
}

function newAgent(): AgentSubject {
  return { foundAtMs: new Map() };
}

function newRun(): RunSubject {
  return { foundAtMs: new Map() };
}

function usdText(nanoUsd: bigint): string {
  return `$${(Number(nanoUsd) / 1e9).toFixed(4)}`;
}
