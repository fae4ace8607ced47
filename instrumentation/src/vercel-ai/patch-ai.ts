/**
 * Puts the gate into `ai`: where it takes a model that the app gave it, where models are wrapped into others, and where it runs
 * tools. The functions are the package's own, replaced as it is loaded: its exports and classes stay what they are.
 */
import { asBody, asText } from "../gate/endpoint.ts";
import type { LoadedFunctions } from "../registration/loaded-report.ts";
import { replaceFunction } from "../registration/replace-function.ts";
import { gateModel, markWrapper } from "./gate-model.ts";
import { gateTools } from "./gate-tools.ts";

/** False for a version that lacks one of the places. */
export function patchAi(functions: LoadedFunctions): boolean {
  const hasResolvers = ["resolveLanguageModel", "resolveEmbeddingModel"].every((name) =>
    replaceFunction(functions, name, (resolve) => (model: unknown, ...rest: unknown[]) => {
      gateModel(model);
      const resolved = resolve(model, ...rest);
      if (typeof model === "string") gateModel(resolved);
      return resolved;
    }),
  );
  const hasWrappers = ["wrapLanguageModel", "wrapEmbeddingModel"].map((name) =>
    replaceFunction(functions, name, (wrapModel) => (options: unknown) => {
      gateModel(asBody(options)?.["model"]);
      const wrapper = wrapModel(options);
      markWrapper(wrapper);
      return wrapper;
    }),
  );
  const hasTools =
    replaceFunction(functions, "executeToolCall", (execute) => (call: unknown) => {
      const options = asBody(call) ?? {};
      return execute({ ...options, tools: gateTools(options["tools"], [toolName(options["toolCall"])]) });
    }) ||
    ["executeTools", "runToolsTransformation"].every((name) =>
      // Version 5.
      replaceFunction(functions, name, (execute) => (calls: unknown) => {
        const options = asBody(calls) ?? {};
        const names = Object.keys(asBody(options["tools"]) ?? {});
        return execute({ ...options, tools: gateTools(options["tools"], names) });
      }),
    );
  return hasResolvers && hasWrappers[0] === true && hasTools;
}

function toolName(call: unknown): string {
  return asText(asBody(call)?.["toolName"]) ?? "";
}
