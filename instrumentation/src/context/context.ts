/** Who acts, on whose behalf, in which session: carried along by AsyncLocalStorage, so that nothing leaks between requests. */
import { AsyncLocalStorage } from "node:async_hooks";

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

const storage = new AsyncLocalStorage<TollgateContext>();

/**
 * Runs `fn` so that every call and tool decision within it, however deep and asynchronous, carries `context`. Nested
 * contexts add up: the inner one wins key by key, and a new agent inside another agent's context has that as its parent.
 */
export function withContext<T>(context: TollgateContext, fn: () => T): T {
  const outer = storage.getStore() ?? {};
  const isSubAgent = context.agent !== undefined && outer.agent !== undefined && context.agent !== outer.agent;
  const merged: TollgateContext = {
    ...outer,
    ...(isSubAgent ? { parentAgent: outer.agent } : {}),
    ...definedOnly(context),
    labels: { ...outer.labels, ...context.labels },
  };
  return storage.run(merged, fn);
}

export function currentContext(): TollgateContext {
  return storage.getStore() ?? NO_CONTEXT;
}

const NO_CONTEXT: TollgateContext = {};

/** The labels that a context gives a call. */
export function contextLabels(context: TollgateContext): Readonly<Record<string, string>> {
  const { labels, parentAgent, ...named } = context;
  return { ...labels, ...definedOnly(named), ...(parentAgent === undefined ? {} : { parent_agent: parentAgent }) };
}

function definedOnly<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}
