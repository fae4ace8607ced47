/**
 * Watches calls for agents that run wild. Pure: calls with their own times go in, alarms come out, each once for its episode: it
 * ends when what was found has been gone for a while. What is remembered is bounded: of the agents (and their sessions) that
 * were silent for longest, everything is forgotten.
 */
import { compileGlob } from "@tollgate/instrumentation/policy";
import { CallRate } from "./call-rate.ts";
import { RepeatCounter } from "./repeats.ts";
import type { RunawayAction, RunawayDocument, RunawayRule } from "./runaway-document.ts";
import { SpendVelocity } from "./spend-velocity.ts";

/** A call to a model or a tool, as the meter saw it. */
export interface WatchedCall {
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
  /** The same for the same call; "" when nothing tells. */
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

interface Subject {
  readonly tools: RepeatCounter | undefined;
  readonly models: RepeatCounter | undefined;
  readonly velocity: SpendVelocity;
  readonly rate: CallRate;
  /** When each rule last found something. */
  readonly foundAtMs: Map<RunawayRule, number>;
}

export class RunawayWatch {
  readonly #rules: readonly DocumentRules[];
  readonly #subjectsMax: number;
  /** By document, agent and run; least recently used first. */
  readonly #subjects = new Map<string, Subject>();

  constructor({ documents, subjectsMax = SUBJECTS_MAX }: RunawayWatchOptions) {
    this.#rules = documents.map((document) => new DocumentRules(document));
    this.#subjectsMax = subjectsMax;
  }

  get subjects(): number {
    return this.#subjects.size;
  }

  see(call: WatchedCall): RunawayAlarm[] {
    const alarms: RunawayAlarm[] = [];
    for (const rules of this.#rules) {
      if (!rules.appliesTo(call)) continue;
      const { name } = rules.document;
      const ofAgent = this.#subject(JSON.stringify([name, call.agent]), rules);
      const ofRun = this.#subject(JSON.stringify([name, call.agent, call.run]), rules);
      for (const found of rules.judge(call, { ofAgent, ofRun })) {
        const subject = found.isOfRun ? ofRun : ofAgent;
        const before = subject.foundAtMs.get(found.rule);
        subject.foundAtMs.set(found.rule, call.atMs);
        if (before !== undefined && call.atMs - before < EPISODE_MS) continue;
        const session = found.isOfRun && call.isSession ? call.run : "";
        const { rule, finding } = found;
        alarms.push({ document: name, rule, do: found.do, agent: call.agent, session, atMs: call.atMs, finding });
      }
    }
    return alarms;
  }

  #subject(key: string, rules: DocumentRules): Subject {
    const known = this.#subjects.get(key);
    const subject = known ?? rules.newSubject();
    if (known !== undefined) this.#subjects.delete(key);
    this.#subjects.set(key, subject);
    if (this.#subjects.size > this.#subjectsMax) {
      const [oldest] = this.#subjects.keys();
      if (oldest !== undefined) this.#subjects.delete(oldest);
    }
    return subject;
  }
}

interface Found {
  readonly rule: RunawayRule;
  readonly do: RunawayAction;
  readonly isOfRun: boolean;
  readonly finding: string;
}

type Subjects = { readonly ofAgent: Subject; readonly ofRun: Subject };

class DocumentRules {
  readonly document: RunawayDocument;
  readonly #scope: readonly { readonly label: string; readonly matches: (text: string) => boolean }[];
  readonly #exceptTools: readonly ((text: string) => boolean)[];

  constructor(document: RunawayDocument) {
    this.document = document;
    this.#scope = Object.entries(document.scope).map(([label, glob]) => ({ label, matches: compileGlob(glob) }));
    this.#exceptTools = (document.loops?.except_tools ?? []).map((glob) => compileGlob(glob));
  }

  appliesTo({ labels }: WatchedCall): boolean {
    return this.#scope.every(({ label, matches }) => {
      const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
      return value !== undefined && matches(value);
    });
  }

  newSubject(): Subject {
    const { loops } = this.document;
    const counter = (): RepeatCounter | undefined =>
      loops && new RepeatCounter({ repeats: loops.repeats, withinMs: loops.within });
    return {
      tools: counter(),
      models: counter(),
      velocity: new SpendVelocity(),
      rate: new CallRate(),
      foundAtMs: new Map(),
    };
  }

  *judge(call: WatchedCall, subjects: Subjects): Iterable<Found> {
    yield* this.#loop(call, subjects);
    yield* this.#storm(call, subjects);
    yield* this.#velocity(call, subjects);
    const { depth } = this.document;
    if (depth !== undefined && call.depth > depth.max) {
      const finding = `${call.depth} agents stand between this call and who started it; ${depth.max} may`;
      yield { rule: "depth", do: depth.do, isOfRun: true, finding };
    }
  }

  *#loop(call: WatchedCall, { ofRun }: Subjects): Iterable<Found> {
    const { loops } = this.document;
    if (loops === undefined || call.digest === "") return;
    if (call.kind === "tool" && this.#exceptTools.some((matches) => matches(call.tool))) return;
    // Apart, because what a model is asked grows with each turn of a loop over tools.
    const repeats = (call.kind === "tool" ? ofRun.tools : ofRun.models)?.add(call.digest, call.atMs);
    if (repeats === undefined) return;
    const what = call.kind === "tool" ? `tool \`${call.tool}\`` : "model";
    const cycle = repeats.cycle === 1 ? "the same call" : `the same ${repeats.cycle} calls in turn`;
    yield { rule: "loops", do: loops.do, isOfRun: true, finding: `${cycle} (${what}) ${repeats.times} times in a row` };
  }

  *#storm(call: WatchedCall, { ofAgent }: Subjects): Iterable<Found> {
    const { tool_storm: storm } = this.document;
    if (storm === undefined || call.kind !== "tool") return;
    const count = ofAgent.rate.add(call.atMs);
    if (count <= storm.per_minute) return;
    const finding = `${count} tool calls within a minute; ${storm.per_minute} may`;
    yield { rule: "tool_storm", do: storm.do, isOfRun: false, finding };
  }

  *#velocity(call: WatchedCall, { ofAgent }: Subjects): Iterable<Found> {
    const { velocity } = this.document;
    if (velocity === undefined || call.nanoUsd === 0n) return;
    const found = ofAgent.velocity.add(call.nanoUsd, call.atMs, {
      ceilingNanoUsd: velocity.per_minute,
      timesUsual: velocity.times_usual,
      atLeastNanoUsd: velocity.at_least,
    });
    if (found === undefined) return;
    const than = found.kind === "unusual" ? `usual are ${usdText(found.usual)}` : `${usdText(found.limit)} may`;
    const finding = `${usdText(found.nanoUsd)} in one minute; ${than}`;
    yield { rule: "velocity", do: velocity.do, isOfRun: false, finding };
  }
}

function usdText(nanoUsd: bigint): string {
  return `$${(Number(nanoUsd) / 1e9).toFixed(4)}`;
}
