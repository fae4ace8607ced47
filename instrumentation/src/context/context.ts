/** Who acts, on whose behalf, in which session: carried along by AsyncLocalStorage, so that nothing leaks between requests. */
import { AsyncLocalStorage } from "node:async_hooks";
import { context as openTelemetry, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import type { Baggage, Context } from "@opentelemetry/api";
import { CARRIED_ENTRIES, carriedEntries, NOTHING_CARRIED, readCarried } from "./carried.ts";
import type { Carried } from "./carried.ts";

export interface TollgateContext {
  /** Overrides the process's agent, for a sub-agent that runs in it. */
  readonly agent?: string;
  readonly session?: string;
  readonly workflow?: string;
  readonly user?: string;
  readonly team?: string;
  readonly role?: string;
  readonly parentAgent?: string;
  /** Any further labels that budgets and policies may match. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What holds for a process as a whole. */
export interface ProcessContext {
  /** From who started it. */
  readonly inherited: Carried;
  /** Its own agent, where somebody named it. */
  readonly agent: string | undefined;
  /** Whether its context goes out in baggage, and whether that of others is believed. */
  readonly sends: boolean;
  readonly accepts: boolean;
}

interface Stored {
  readonly context: TollgateContext;
  /** Agents of all contexts around, from the outermost on. */
  readonly agents: readonly string[];
}

const NO_PROCESS: ProcessContext = { inherited: NOTHING_CARRIED, agent: undefined, sends: true, accepts: true };
const NO_CONTEXT: TollgateContext = {};
/** Stands for the place outside of all contexts. */
const NOWHERE = {};

const storage = new AsyncLocalStorage<Stored>();
const received = new WeakMap<Baggage, Carried>();
let processContext = NO_PROCESS;

/** From now on this holds for what the process sends, whatever its contexts are. */
export function setProcessContext(context: ProcessContext | undefined): void {
  processContext = context ?? NO_PROCESS;
}

/**
 * Runs `fn` so that every call and tool decision within it, however deep and asynchronous, carries `context`. Nested
 * contexts add up: the inner one wins key by key, and a new agent inside another agent's context has that as its parent.
 * Agent, session and workflow are in OpenTelemetry's baggage too, for the services and processes that `fn` calls.
 */
export function withContext<T>(context: TollgateContext, fn: () => T): T {
  const outer = storage.getStore();
  const outerAgent = outer?.context.agent;
  const isSubAgent = context.agent !== undefined && outerAgent !== undefined && context.agent !== outerAgent;
  const merged: TollgateContext = {
    ...outer?.context,
    ...(isSubAgent ? { parentAgent: outerAgent } : {}),
    ...definedOnly(context),
    labels: { ...outer?.context.labels, ...context.labels },
  };
  const started = [context.parentAgent, context.agent ?? context.labels?.["agent"]];
  const agents = [...(outer?.agents ?? []), ...started.filter((name) => name !== undefined)];
  return storage.run({ context: merged, agents: [...new Set(agents)] }, () => inBaggage(fn));
}

/** What all that is known of the running code's context depends on: the same objects, the same answers. */
export function currentPlace(): { readonly context: object; readonly baggage: Baggage | undefined } {
  return { context: storage.getStore() ?? NOWHERE, baggage: propagation.getActiveBaggage() };
}

export function currentContext(): TollgateContext {
  return storage.getStore()?.context ?? NO_CONTEXT;
}

/** On whose behalf, in which session and workflow, work is done here and now: what a call or a child process belongs to. */
export function currentlyCarried({ inherited, agent, accepts }: ProcessContext): Carried {
  const stored = storage.getStore();
  const remote = accepts ? receivedBaggage() : NOTHING_CARRIED;
  const own = agent === undefined ? [] : [agent];
  return {
    agents: [...new Set([...inherited.agents, ...remote.agents, ...own, ...(stored?.agents ?? [])])],
    session: stored?.context.session ?? remote.session ?? inherited.session,
    workflow: stored?.context.workflow ?? remote.workflow ?? inherited.workflow,
    isTooDeep: inherited.isTooDeep || remote.isTooDeep,
  };
}

/** The labels that a context gives a call. */
export function contextLabels(context: TollgateContext): Readonly<Record<string, string>> {
  const { labels, parentAgent, ...named } = context;
  return { ...labels, ...definedOnly(named), ...(parentAgent === undefined ? {} : { parent_agent: parentAgent }) };
}

/** `context` with what is carried as entries of its baggage, beside the app's own. */
export function withCarried(context: Context, carried: Carried): Context {
  const entries = carriedEntries(carried);
  if (entries.size === 0) return context;
  let baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  for (const [name, value] of entries) baggage = baggage.setEntry(name, { value });
  return propagation.setBaggage(context, baggage);
}

/** `context` for a request to somebody whom it is no business of: a provider of models. */
export function withoutCarried(context: Context): Context {
  if (lastStripped.from === context) return lastStripped.to;
  const baggage = propagation.getBaggage(context);
  const carries = baggage !== undefined && CARRIED_ENTRIES.some((name) => baggage.getEntry(name) !== undefined);
  const to = carries ? propagation.setBaggage(context, baggage.removeEntries(...CARRIED_ENTRIES)) : context;
  lastStripped = { from: context, to };
  return to;
}

/** Nearly all calls of a process are made in its own context. */
let lastStripped: { readonly from: Context | undefined; readonly to: Context } = { from: undefined, to: ROOT_CONTEXT };

function inBaggage<T>(fn: () => T): T {
  if (!processContext.sends) return fn();
  const active = openTelemetry.active();
  const carrying = withCarried(active, currentlyCarried(processContext));
  return carrying === active ? fn() : openTelemetry.with(carrying, fn);
}

function receivedBaggage(): Carried {
  const baggage = propagation.getActiveBaggage();
  if (baggage === undefined) return NOTHING_CARRIED;
  let carried = received.get(baggage);
  if (carried === undefined) {
    carried = readCarried((name) => baggage.getEntry(name)?.value);
    received.set(baggage, carried);
  }
  return carried;
}

function definedOnly<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}
