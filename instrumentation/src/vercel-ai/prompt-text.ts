/** Whether a request of the AI SDK is text and nothing else, so that its length bounds its tokens. */
import { asArray, asBody } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { mentions } from "./output-bound.ts";

const TEXT_PARTS: ReadonlySet<unknown> = new Set(["text", "reasoning", "tool-call", "tool-approval-response"]);
/** Options that refer to what lies at the provider, or let it add to the prompt. */
const REFERENCES = /^(?:previousResponseId|conversation|container|mcpServers|contextManagement|cachedContent|prompt)$/;
const ITEM_ID = /^itemId$/;

export function isPlainText(options: Body): boolean {
  return (
    asArray(options["tools"]).every((tool) => asBody(tool)?.["type"] === "function") &&
    !mentions(options["providerOptions"], REFERENCES) &&
    asArray(options["prompt"]).every((message) => isText(asBody(message)?.["content"]))
  );
}

function isText(content: unknown): boolean {
  return asArray(content).every((value) => {
    const part = asBody(value) ?? {};
    // Reasoning that the provider has kept is read again there, and longer than its summary.
    if (part["type"] === "reasoning" && mentions(part["providerOptions"], ITEM_ID)) return false;
    if (part["type"] === "tool-result") return isTextOutput(asBody(part["output"]));
    return TEXT_PARTS.has(part["type"]);
  });
}

function isTextOutput(output: Body | undefined): boolean {
  return output?.["type"] !== "content" || asArray(output["value"]).every((part) => asBody(part)?.["type"] === "text");
}
