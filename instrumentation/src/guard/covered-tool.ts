/**
 * A tool of a framework that is served by another layer with a gate of its own (an MCP client, an MCP server in this process):
 * the same tool with the same arguments is one call, and decided once.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { argumentsDigest } from "../policy/canonical-json.ts";
import type { ToolCall } from "./tool-call.ts";
import type { ToolGate } from "./tool-gate.ts";

interface Running {
  readonly name: string;
  readonly input: unknown;
  isTaken: boolean;
}

const running = new AsyncLocalStorage<Running>();

/**
 * Decides, then runs the tool so that layers below know of it. What the app gives up (`call.signal`) while its decision is waited for
 * rejects at once, with the signal's reason, and does not run however it is decided.
 */
export function runGated(gate: ToolGate, call: ToolCall): unknown {
  // What was given up before is the tool's affair, as it is without the gate.
  const signal = call.signal?.aborted === false ? call.signal : undefined;
  let hasBegun = false;
  const run: ToolCall["run"] = (given, gives) => {
    signal?.throwIfAborted();
    hasBegun = true;
    return below(call.name, given[0], () => call.run(given, gives));
  };
  const answer = gate.call({ ...call, run, signal });
  if (hasBegun || signal === undefined || !(answer instanceof Promise)) return answer;
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const giveUp = (): void => {
    if (!hasBegun) reject(signal.reason as Error);
  };
  signal.addEventListener("abort", giveUp);
  void answer.finally(() => signal.removeEventListener("abort", giveUp)).then(resolve, reject);
  return promise;
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
