import { dropOwnTracer } from "../anthropic/own-spans.ts";
import { readConfig } from "../config/config.ts";
import type { Config } from "../config/config.ts";
import { createLogger } from "../config/logger.ts";
import { ConfigInvalid } from "../errors.ts";
import { Gate } from "../gate/gate.ts";
import { guardClient, registeredGate } from "../gate/registry.ts";
import { onGuardedCopy } from "../stainless/patch-client.ts";
import { patchCallers } from "./callers.ts";
import { GuardBudget } from "./guard-budget.ts";
import type { GuardControls, GuardOptions } from "./guard-budget.ts";

/** A client of an SDK of a model's provider, with a budget of its own. */
export type Guarded<T extends object> = T & { readonly tollgate: GuardControls };

/**
 * Gives one client a budget: calls that do not fit are lowered, answered, or refused, as `onLimit` says. The client itself
 * is returned, so `instanceof`, members and types are what they were; guarding it again replaces its budget. Copies made by
 * `withOptions` spend from the same one. Works with and without registration. Throws `ConfigInvalid` for a wrong setting
 * or a client that is not known.
 */
export function guard<T extends object>(client: T, options: GuardOptions): Guarded<T> {
  const config = readConfig();
  const logger = registeredGate()?.logger ?? createLogger(config.logLevel);
  const budget = new GuardBudget(options, logger);
  const callers = patchCallers(client);
  if (callers === undefined) {
    throw new ConfigInvalid([
      "client: is no client of `openai`, `@anthropic-ai/sdk`, `@google/genai`, `@mistralai/mistralai`, `cohere-ai`, `groq-sdk`, " +
        "`ollama` or `@aws-sdk/client-bedrock-runtime` in a supported version",
    ]);
  }
  dropOwnTracer(client);
  const makeGate = (): Gate => new Gate({ config: withoutProcess(config), logger, leases: undefined });
  for (const caller of callers) guardClient(caller, budget, makeGate);
  attach(client, budget.controls);
  return client as Guarded<T>;
}

/** A process that is not registered has the budgets of its guards, and no other. */
function withoutProcess(config: Config): Config {
  return { ...config, budget: undefined };
}

function attach(client: object, controls: GuardControls): void {
  Object.defineProperty(client, "tollgate", { value: controls, configurable: true });
}

onGuardedCopy((_from, copy, callGuard) => {
  guardClient(copy, callGuard, () => {
    throw new Error("a guarded client has a gate already");
  });
  if (callGuard instanceof GuardBudget) attach(copy, callGuard.controls);
});
