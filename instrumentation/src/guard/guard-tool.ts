import { readConfig } from "../config/config.ts";
import { createLogger } from "../config/logger.ts";
import { Gate } from "../gate/gate.ts";
import { ToolGate } from "./tool-gate.ts";
import type { ToolOptions } from "./tool-call.ts";
import { registeredToolGate } from "./tool-registry.ts";

const AsyncFunction = (async () => {}).constructor as unknown as abstract new () => object;

let localToolGate: ToolGate | undefined;

/**
 * The tool `fn` behind the gate: policies decide before each run, and each run or refusal is a span. Throws `ToolDenied` and
 * the other typed errors instead of running; where `fn` is an async function, its promise rejects with them. Treat it as asynchronous: a function that returns a promise keeps its type; one
 * that does not still returns its value at once where the decision is at hand, and a promise of it where the fleet's policies
 * or an approval have to be waited for. Under a policy, `fn` gets a private copy of its arguments: plain JSON data.
 */
export function guardTool<F extends (...parameters: never[]) => unknown>(
  name: string,
  fn: F,
  options: ToolOptions = {},
): F {
  const guarded = function (this: unknown, ...parameters: unknown[]): unknown {
    const gate = registeredToolGate() ?? (localToolGate ??= createLocalToolGate());
    const run = (given: readonly unknown[]): unknown => Reflect.apply(fn, this, given);
    if (!(fn instanceof AsyncFunction)) return gate.call({ name, options, parameters, run });
    try {
      return gate.call({ name, options, parameters, run });
    } catch (error) {
      // Who calls an async function has a `catch` on its promise, and none around the call.
      return Promise.reject(error as Error);
    }
  };
  Object.defineProperty(guarded, "name", { value: fn.name, configurable: true });
  Object.defineProperty(guarded, "length", { value: fn.length, configurable: true });
  return guarded as unknown as F;
}

/** For a process that is not registered: TOLLGATE_POLICY and the policies given in code. */
function createLocalToolGate(): ToolGate {
  const config = readConfig();
  return new ToolGate(new Gate({ config, logger: createLogger(config.logLevel), leases: undefined }));
}
