import type { Endpoint } from "../gate/endpoint.ts";
import type { ClientAdapter } from "../stainless/patch-client.ts";
import { messages } from "./messages.ts";

/** What of the `@anthropic-ai/sdk` package is gated. */
export const anthropicAdapter: ClientAdapter = {
  endpointOf(path: string): Endpoint | undefined {
    const end = path.split("?", 1)[0] ?? "";
    return end.endsWith("/v1/messages") ? messages : undefined;
  },
};
