/**
 * Puts the gate into `@mastra/core`. Its files are bundles whose names change with each version, so the places are classes that are
 * found by their names in whichever file declares them, and are replaced or patched while it loads:
 *
 * - what Mastra puts around each model (its own by name, or one of the AI SDK): the model inside is gated, and a refusal is final;
 * - what it makes of each tool for an agent (`CoreToolBuilder`), under the name that the model knows it by;
 * - `Tool`, for steps of workflows and code that run one directly, under its id;
 * - `Agent`, whose runs name the agent and the thread.
 */
import { currentContext, withContext } from "../context/context.ts";
import { asBody, asText } from "../gate/endpoint.ts";
import type { LoadedFunctions } from "../registration/loaded-report.ts";
import { replaceFunction } from "../registration/replace-function.ts";
import { replace } from "../stainless/patch-client.ts";
import { gateModel } from "../vercel-ai/gate-model.ts";
import { endRetries } from "./final-refusals.ts";
import { gatedExecute, gateDirectly } from "./gate-tool.ts";

type Methods = Record<string, (this: unknown, ...given: unknown[]) => unknown>;
type Class = (new (...given: unknown[]) => object) & { readonly prototype: Methods };

/** The wrappers of the AI SDK's models, by the versions of its specification. */
const MODEL_CLASSES = ["AISDKV5LanguageModel", "AISDKV6LanguageModel", "AISDKV7LanguageModel"] as const;
const RUNS = ["generate", "stream", "generateLegacy", "streamLegacy", "network"] as const;
const NAME_LENGTH_MAX = 64;

/** Called for each of the package's files that has a place. False for one that lacks it. */
export function patchMastra(functions: LoadedFunctions): boolean {
  const places = [
    ...MODEL_CLASSES.map((name) =>
      replaceClass(functions, name, { before: ([model]) => gateModel(model), after: endRetries }),
    ),
    replaceClass(functions, "Tool", { before: () => {}, after: gateDirectly }),
    patchMethods(functions, "CoreToolBuilder", patchBuilder),
    patchMethods(functions, "Agent", patchRuns),
  ];
  return places.includes(true);
}

interface Watch {
  readonly before: (given: readonly unknown[]) => void;
  readonly after: (made: object) => void;
}

function replaceClass(functions: LoadedFunctions, name: string, { before, after }: Watch): boolean {
  return replaceFunction(
    functions,
    name,
    (original) =>
      new Proxy(original, {
        construct(target, given: unknown[], newTarget) {
          before(given);
          const made = Reflect.construct(target, given, newTarget) as object;
          after(made);
          return made;
        },
      }),
  );
}

function patchMethods(functions: LoadedFunctions, name: string, patch: (methods: Methods) => boolean): boolean {
  const original = functions[name]?.[0];
  return typeof original === "function" && patch((original as unknown as Class).prototype);
}

function patchBuilder(methods: Methods): boolean {
  const { createExecute } = methods;
  if (createExecute === undefined) return false;
  replace(methods, "createExecute", function (this: unknown, tool, options, ...rest) {
    return gatedExecute(createExecute.call(this, tool, options, ...rest), { tool, options: asBody(options) ?? {} });
  });
  return true;
}

function patchRuns(methods: Methods): boolean {
  const found = RUNS.filter((name) => typeof methods[name] === "function");
  for (const name of found) {
    const original = methods[name];
    if (original === undefined) continue;
    replace(methods, name, function (this: unknown, ...given) {
      return inRun(this, given[1], () => original.apply(this, given));
    });
  }
  return found.length > 0;
}

/** The agent of a run is the agent of its calls and tools, and the parent of those it starts; its thread is their session. */
function inRun<T>(agent: unknown, options: unknown, work: () => T): T {
  const { id, name } = (agent ?? {}) as { readonly id?: unknown; readonly name?: unknown };
  const called = (asText(id) ?? asText(name) ?? "").trim().slice(0, NAME_LENGTH_MAX);
  const session = currentContext().session ?? threadOf(options);
  if (called === "" && session === undefined) return work();
  return withContext({ ...(called !== "" && { agent: called }), ...(session !== undefined && { session }) }, work);
}

function threadOf(options: unknown): string | undefined {
  const given = asBody(options);
  const thread = asBody(given?.["memory"])?.["thread"];
  return asText(thread) ?? asText(asBody(thread)?.["id"]) ?? asText(given?.["threadId"]);
}
