/** What OpenAI's chat completions and responses share on the wire: errors, content, model names, details of the usage. */
import { invalidRequest, isRecord, type ProviderError } from "./dialect.ts";
import { findModel, type BilledTokens, type SimulatedModel } from "./prices.ts";

export function openaiError(error: ProviderError): unknown {
  return { error: { message: error.message, type: error.type, param: error.param, code: error.code } };
}

export function openaiModel(
  body: Readonly<Record<string, unknown>>,
  provider: SimulatedModel["provider"] = "openai",
): SimulatedModel | ProviderError {
  const name = body["model"];
  if (typeof name !== "string") {
    return invalidRequest("you must provide a model parameter");
  }
  return (
    findModel(provider, name) ?? {
      status: 404,
      type: "invalid_request_error",
      code: "model_not_found",
      param: null,
      message: `The model \`${name}\` does not exist or you do not have access to it.`,
    }
  );
}

/** Paths of Azure, which have the deployment in them. https://learn.microsoft.com/azure/ai-foundry/openai/reference */
export function azureDeployment(operation: string): (path: string) => Readonly<Record<string, unknown>> | undefined {
  return (path) => (/^\/openai\/deployments\/[^/]+(\/.+)$/.exec(path)?.[1] === operation ? {} : undefined);
}

/** Text of a message's content: a string, or parts of which the texts count; anything else counts as its JSON. */
export function readOpenaiContent(content: unknown): string {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) return "";
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content
    .map((part: unknown) => (isRecord(part) && typeof part["text"] === "string" ? part["text"] : JSON.stringify(part)))
    .join("");
}

export function openaiUsageDetails(
  billed: BilledTokens,
  names: { readonly input: string; readonly output: string },
): Readonly<Record<string, unknown>> {
  return {
    [names.input]: { cached_tokens: billed.cacheRead },
    [names.output]: { reasoning_tokens: 0 },
  };
}
