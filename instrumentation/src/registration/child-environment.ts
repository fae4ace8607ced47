/**
 * What a child process gets so that it stands behind the same barrier as its parent: the registration, for whom it works,
 * and where the processor is. Pure. A child keeps every setting that it was given on purpose, but for one: who started it
 * is said by the parent, whatever name the child takes.
 */
import { isRegistration } from "../config/start-settings.ts";
import { isAbsolute, resolve } from "node:path";
import type { Context } from "@opentelemetry/api";
import { propagation } from "@opentelemetry/api";
import type { Environment } from "../config/config.ts";
import { carriedEntries } from "../context/carried.ts";
import type { Carried } from "../context/carried.ts";
import type { TollgateContext } from "../context/context.ts";
import { formatBaggage, formatTraceContext } from "../context/environment-carrier.ts";

export interface Parent {
  /** The parent's own environment. */
  readonly env: Environment;
  /** What of it the parent was started with and has kept to, whatever it says by now. */
  readonly settings: Environment;
  /** URL of the module that registers a process; `undefined`: there is none on disk (bundled). */
  readonly registerUrl: string | undefined;
  readonly context: TollgateContext;
  readonly carried: Carried;
  /** With the active span, and what else the app carries in baggage. */
  readonly active: Context;
}

export interface Child {
  readonly env: Environment;
  /** Registered by its own arguments. */
  readonly isRegistered: boolean;
}

/** The variables to set for the child; `undefined`: its environment was replaced on purpose and is left alone. */
export function childEnvironment(parent: Parent, child: Child): Readonly<Record<string, string>> | undefined {
  const names = Object.keys(parent.env).filter((name) => parent.env[name] !== undefined);
  const restored = restoredSettings(parent, child.env);
  if (isReplaced(parent.env, child.env)) return undefined;
  const added: Record<string, string> = { ...restored };
  for (const name of names) {
    const isConnection = name.startsWith("TOLLGATE_") || name.startsWith("OTEL_EXPORTER_");
    const value = parent.env[name];
    if (isConnection && child.env[name] === undefined && value !== undefined) added[name] ??= value;
  }
  const options = child.env["NODE_OPTIONS"];
  if (parent.registerUrl !== undefined && !child.isRegistered && !isRegistration(options ?? "")) {
    added["NODE_OPTIONS"] = `${options === undefined ? "" : `${options} `}--import=${parent.registerUrl}`;
  }
  return { ...added, ...namingVariables(parent, { ...child.env, ...added }) };
}

/**
 * What a thread gets: for whom it works, and the settings that its parent keeps to. The rest it shares; where it has an environment of its
 * own without any, the parent's are handed on too, beside that environment: they do not leave the process.
 */
export function contextVariables(parent: Parent, given: Environment): Readonly<Record<string, string>> {
  const settings = isReplaced(parent.env, given) ? settingsOf(parent.env) : {};
  const childEnv = { ...settings, ...given };
  const restored = restoredSettings(parent, childEnv);
  return { ...settings, ...restored, ...namingVariables(parent, { ...childEnv, ...restored }) };
}

/** Nothing is left in it of what the parent was told. */
function isReplaced(env: Environment, childEnv: Environment): boolean {
  const names = Object.keys(settingsOf(env));
  const own = names.filter((name) => name.startsWith("TOLLGATE_"));
  const signs = own.length > 0 ? own : names;
  return signs.length > 0 && signs.every((name) => childEnv[name] === undefined);
}

function settingsOf(env: Environment): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && /^(?:TOLLGATE|OTEL)_/.test(name)) settings[name] = value;
  }
  return settings;
}

/** Settings that the parent has written over, or taken away, after its start, where the child has them from there. */
function restoredSettings({ env, settings }: Parent, childEnv: Environment): Readonly<Record<string, string>> {
  const restored: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined && value !== env[name] && childEnv[name] === env[name]) restored[name] = value;
  }
  return restored;
}

/** What says for whom the child works. */
function namingVariables(parent: Parent, childEnv: Environment): Readonly<Record<string, string>> {
  const { env, context, carried, active } = parent;
  const variables: Record<string, string> = { ...formatTraceContext(active) };
  const baggage = formatBaggage(carriedEntries(carried), propagation.getBaggage(active));
  if (baggage !== "") variables["BAGGAGE"] = baggage;
  // What another span or agent left in the environment is not this child's.
  for (const name of CARRIERS) if (childEnv[name] !== undefined) variables[name] ??= "";
  // The child of a sub-agent is that sub-agent, unless it was given a name of its own.
  const agent = context.agent ?? context.labels?.["agent"];
  if (agent !== undefined && childEnv["TOLLGATE_AGENT"] === env["TOLLGATE_AGENT"]) variables["TOLLGATE_AGENT"] = agent;
  const policy = env["TOLLGATE_POLICY"];
  if (policy !== undefined && !isAbsolute(policy) && childEnv["TOLLGATE_POLICY"] === policy) {
    variables["TOLLGATE_POLICY"] = resolve(policy);
  }
  const labels = labelText(context);
  if (labels !== "") {
    const given = childEnv["OTEL_RESOURCE_ATTRIBUTES"];
    variables["OTEL_RESOURCE_ATTRIBUTES"] = given === undefined || given === "" ? labels : `${given},${labels}`;
  }
  return variables;
}

const CARRIERS = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"] as const;

function labelText({ user, team, role, labels }: TollgateContext): string {
  const entries = Object.entries({ ...labels, user, team, role });
  return entries
    .filter(([name, value]) => value !== undefined && name !== "agent" && !/[=,]/.test(name))
    .map(([name, value = ""]) => `${name}=${encodeURIComponent(value.toWellFormed())}`)
    .join(",");
}
