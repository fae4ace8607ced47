import { HTTPClient, Mistral } from "@mistralai/mistralai";
import { patchMistral } from "../../../instrumentation/src/mistral/patch-sdk.ts";
import { faultHeaders, TOOL, type Ask, type Library } from "./library.ts";

const MODEL = "mistral-small-latest";

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
  provider: "mistral_ai",
  operation: "chat",
  model: MODEL,
  retries: false,
  takesSignal: true,
  hasTools: true,
  patch,
  client(url, { fault } = {}) {
    const client = mistralClient(url);
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      model: MODEL,
      messages: [{ role: "user" as const, content: prompt }],
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(hasTool === true ? { tools: [TOOL] } : {}),
    });
    const options = ({ signal }: Ask) => ({
      headers: faultHeaders(fault),
      ...(signal === undefined ? {} : { signal }),
    });
    return {
      ask: (ask) => client.chat.complete(request(ask), options(ask)),
      stream: (ask) => client.chat.stream(request(ask), options(ask)),
    };
  },
};
