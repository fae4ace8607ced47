/**
 * What tools that the provider ran itself add to an answer: the AI SDK hands on the provider's count of tokens, and of these tools only
 * what they found. A search that can be told is counted; anything else has a fee that nobody here knows.
 */
import { asArray, asBody } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { HostedCalls } from "../pricing/price-book.ts";

export class HostedTools {
  #webSearches = 0;
  #fileSearches = 0;
  #others = 0;

  /** A part of an answer or of a stream. */
  read(value: unknown): void {
    const part = asBody(value);
    if (part?.["type"] !== "tool-result") return;
    const result = asBody(part["result"]);
    const action = asBody(result?.["action"])?.["type"];
    // As the SDK's provider for OpenAI's Responses API shows what its tools did.
    if (action === "search") this.#webSearches += 1;
    else if (action === undefined && Array.isArray(result?.["queries"])) this.#fileSearches += 1;
    else if (action === undefined) this.#others += 1;
  }

  /** `metadata`: what the provider says beside the answer. `undefined`: nothing ran that is billed apart. */
  calls(metadata: Body | undefined): HostedCalls | undefined {
    const grounding = asBody(asBody(metadata?.["google"] ?? metadata?.["vertex"])?.["groundingMetadata"]);
    const webSearches = this.#webSearches + asArray(grounding?.["webSearchQueries"]).length;
    if (webSearches + this.#fileSearches + this.#others === 0) return undefined;
    const others = this.#others;
    return { webSearches, fileSearches: this.#fileSearches, ...(others > 0 && { others }) };
  }
}
