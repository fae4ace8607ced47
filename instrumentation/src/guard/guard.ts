import { dropOwnTracer } from "../anthropic/own-spans.ts";
import { readConfig } from "../config/config.ts";
import type { Config } from "../config/config.ts";
import { createLogger } from "../config/logger.ts";
import { ConfigInvalid } from "../errors.ts";
import { Gate } from "../gate/gate.ts";
import { guardClient, registeredGate } from "../gate/registry.ts";
import { packageOfClient, patchPrototype } from "../registration/patch-sdk.ts";
import { onGuardedCopy } from "../stainless/patch-client.ts";
import { GuardBudget } from "./guard-budget.ts";
import type { GuardControls, GuardOptions } from "./guard-budget.ts";

/** A client of `openai`, `@anthropic-ai/sdk`, `@google/genai`, `groq-sdk`, `ollama` or Bedrock with a budget of its own. */
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
  const caller = patchCaller(client);
  if (caller === undefined) {
    throw new ConfigInvalid([
      "client: is no client of `openai`, `@anthropic-ai/sdk`, `@google/genai`, `groq-sdk`, `ollama` or " +
        "`@aws-sdk/client-bedrock-runtime` in a supported version",
    ]);
  }
  dropOwnTracer(client);
  guardClient(caller, budget, () => new Gate({ config: withoutProcess(config), logger, leases: undefined }));
  attach(client, budget.controls);
  return client as Guarded<T>;
}

/** What makes the client's calls, its class patched: the client itself, or the `models` of Google's. */
function patchCaller(client: object): object | undefined {
  const name = packageOfClient(client);
  if (name === undefined) return undefined;
  const caller = name === "@google/genai" && "models" in client ? (client.models as object) : client;
  return patchPrototype(name, Object.getPrototypeOf(caller) as object | null) ? caller : undefined;
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
