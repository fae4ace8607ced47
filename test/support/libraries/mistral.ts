import { HTTPClient, Mistral } from "@mistralai/mistralai";
import { chatComplete } from "@mistralai/mistralai/funcs/chatComplete.js";
import { patchMistral } from "../../../instrumentation/src/mistral/patch-sdk.ts";
import { faultHeaders, TOOL, type Ask, type Library } from "./library.ts";
import { readToEnd } from "./seen.ts";

const MODEL = "mistral-small-latest";
/** It tries again only where it is told to. */
const RETRIES = {
  strategy: "backoff" as const,
  backoff: { initialInterval: 10, maxInterval: 50, exponent: 1, maxElapsedTime: 60_000 },
};

export function patch(): void {
  // `Mistral` extends `ClientSDK`, which the package does not export.
  patchMistral(Object.getPrototypeOf(Mistral.prototype) as object);
  patchMistral(HTTPClient.prototype);
}

export function mistralClient(url: string): Mistral {
  return new Mistral({ apiKey: "test", serverURL: `${url}/mistral` });
}

export const mistralChat: Library = {
  name: "@mistralai/mistralai",
  folder: "mistral",
  provider: "mistral_ai",
  operation: "chat",
  model: MODEL,
  hasChunks: true,
  patch,
  client(url, { fault, retries = true } = {}) {
    const client = mistralClient(url);
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      model: MODEL,
      messages: [{ role: "user" as const, content: prompt }],
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(hasTool === true ? { tools: [TOOL] } : {}),
    });
    const options = ({ signal }: Ask) => ({
      headers: faultHeaders(fault),
      ...(retries ? { retries: RETRIES } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    return {
      ask: (ask) => client.chat.complete(request(ask), options(ask)),
      stream: (ask) => client.chat.stream(request(ask), options(ask)),
      forms: {
        async "a function"(ask) {
          const asked = chatComplete(client, request(ask));
          const { ok, value } = await asked;
          return [asked.constructor.name, asked instanceof Promise, ok, value];
        },
        async "a reader"(ask) {
          const stream = await client.chat.stream(request(ask));
          const [left, right] = stream.tee();
          return [stream instanceof ReadableStream, await readToEnd(left), await readToEnd(right)];
        },
      },
    };
  },
};
