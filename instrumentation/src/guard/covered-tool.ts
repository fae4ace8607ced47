/**
 * A tool of a framework that is served by another layer with a gate of its own (an MCP client, an MCP server in this process):
 * the same tool with the same arguments is one call, and decided once.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { argumentsDigest } from "../policy/canonical-json.ts";
import type { ToolCall, ToolGate } from "./tool-gate.ts";

interface Running {
  readonly name: string;
  readonly input: unknown;
  isTaken: boolean;
}

const running = new AsyncLocalStorage<Running>();

/** Decides, then runs the tool so that layers below know of it. */
export function runGated(gate: ToolGate, call: ToolCall): unknown {
  const run = (given: readonly unknown[]): unknown => below(call.name, given[0], () => call.run(given));
  return gate.call({ ...call, run });
}

/**
 * Whether the call that is about to be made is the one that was decided above: true once, and then for the layer below. Under
 * another name, with a server's before it for instance, policies may say something else: that is decided again.
 */
export function isDecidedAbove(name: string, input: unknown): boolean {
  const above = running.getStore();
  if (above === undefined || above.isTaken || above.name !== name) return false;
  const digest = argumentsDigest(above.input ?? {});
  if (digest === undefined || digest !== argumentsDigest(input ?? {})) return false;
  above.isTaken = true;
  return true;
}

/** Runs what has been decided, in a way that layers below know of it. */
export function below<T>(name: string, input: unknown, work: () => T): T {
  return running.run({ name, input, isTaken: false }, work);
}
