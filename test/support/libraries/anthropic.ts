import { AnthropicBedrock } from "@anthropic-ai/bedrock-sdk";
import Anthropic, { BaseAnthropic } from "@anthropic-ai/sdk";
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import { patchSdk } from "../../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../../instrumentation/src/stainless/client-shape.ts";
import { faultHeaders, TOOL, type Ask, type ClientOptions, type Library, type LibraryClient } from "./library.ts";

const { name, description } = TOOL.function;
const parameters = { ...TOOL.function.parameters, type: "object" as const };

const common = {
  folder: "anthropic",
  operation: "chat",
  patch: () => void patchSdk("@anthropic-ai/sdk", findClientPrototype(BaseAnthropic.prototype)),
} as const;

export const anthropicMessages: Library = {
  ...common,
  name: "@anthropic-ai/sdk messages",
  provider: "anthropic",
  model: "claude-haiku-4-5",
  client: (url, options = {}) =>
    messagesOf(new Anthropic({ apiKey: "test", baseURL: url, ...anthropicSettings(options) }), anthropicMessages.model),
};

export const anthropicBatches: Library = {
  ...common,
  name: "@anthropic-ai/sdk batches",
  provider: "anthropic",
  model: "claude-haiku-4-5",
  hidesUsage: true,
  client(url, options = {}) {
    const client = new Anthropic({ apiKey: "test", baseURL: url, ...anthropicSettings(options) });
    return {
      async ask({ prompt, maxTokens = 1_000, signal }) {
        const requests = ["one", "two"].map((id) => ({
          custom_id: id,
          params: {
            model: anthropicBatches.model,
            max_tokens: maxTokens,
            messages: [{ role: "user" as const, content: `${prompt} ${id}` }],
          },
        }));
        return client.messages.batches.create({ requests }, { signal });
      },
    };
  },
};

export const anthropicVertex: Library = {
  ...common,
  name: "@anthropic-ai/vertex-sdk",
  provider: "gcp.vertex_ai",
  model: "claude-haiku-4-5@20251001",
  client(url, options = {}) {
    const authClient = { getRequestHeaders: async () => new Headers({ authorization: "Bearer test" }) } as never;
    const place = { baseURL: url, region: "us-east5", projectId: "p", authClient };
    return messagesOf(new AnthropicVertex({ ...place, ...anthropicSettings(options) }), anthropicVertex.model);
  },
};

export const anthropicBedrock: Library = {
  ...common,
  name: "@anthropic-ai/bedrock-sdk",
  provider: "aws.bedrock",
  model: "us.anthropic.claude-haiku-4-5-20251001-v1:0",
  client(url, options = {}) {
    const place = { baseURL: url, awsRegion: "us-east-1", awsAccessKey: "test", awsSecretKey: "test" };
    return messagesOf(new AnthropicBedrock({ ...place, ...anthropicSettings(options) }), anthropicBedrock.model);
  },
};

export function anthropicSettings({ fault, retries = true }: ClientOptions): object {
  return { defaultHeaders: faultHeaders(fault), maxRetries: retries ? 2 : 0 };
}

interface Client {
  readonly messages: Pick<Anthropic.Messages, "create" | "stream">;
}

export function messagesOf(client: Client, model: string): LibraryClient {
  const request = ({ prompt, maxTokens = 1_000, hasTool }: Ask) => ({
    model,
    max_tokens: maxTokens,
    messages: [{ role: "user" as const, content: prompt }],
    ...(hasTool === true ? { tools: [{ name, description, input_schema: parameters }] } : {}),
  });
  return {
    ask: async (ask) => client.messages.create(request(ask), { signal: ask.signal }),
    stream: async (ask) => client.messages.create({ ...request(ask), stream: true }, { signal: ask.signal }),
    forms: {
      "the stream's helper": async (ask) => client.messages.stream(request(ask)).finalMessage(),
    },
  };
}
