import { asText } from "../gate/endpoint.ts";

/** `us.anthropic.claude-…`, from that or from the resource name of a model or an inference profile. */
export function modelName(modelId: unknown): string {
  const text = asText(modelId) ?? "";
  return text.slice(text.lastIndexOf("/") + 1);
}

/** Who made the model, which says what its requests look like: `anthropic`, `meta`, `amazon.nova`, … */
export function familyOf(modelId: unknown): string {
  const parts = modelName(modelId).split(".");
  const maker = parts.findIndex((part) => MAKERS.has(part));
  if (maker < 0) return "";
  const name = parts[maker] ?? "";
  return name === "amazon" ? `amazon.${(parts[maker + 1] ?? "").split("-", 1)[0] ?? ""}` : name;
}

const MAKERS: ReadonlySet<string> = new Set([
  "ai21",
  "amazon",
  "anthropic",
  "cohere",
  "deepseek",
  "meta",
  "mistral",
  "openai",
  "qwen",
]);
