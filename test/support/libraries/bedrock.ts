import { inspect } from "node:util";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { patchBedrock } from "../../../instrumentation/src/bedrock/patch-client.ts";
import { faultHeaders, TOOL, type Ask, type ClientOptions, type Library } from "./library.ts";
import { readToEnd } from "./seen.ts";

const HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const NOVA = "amazon.nova-lite-v1:0";

export function bedrockClient(url: string, { fault, retries = true }: ClientOptions = {}): BedrockRuntimeClient {
  const client = new BedrockRuntimeClient({
    region: "us-east-1",
    endpoint: url,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: retries ? 3 : 1,
  });
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as { headers: Record<string, string> }).headers, faultHeaders(fault));
      return next(args);
    },
    { step: "build", name: "testFault" },
  );
  return client;
}

const common = {
  folder: "bedrock",
  provider: "aws.bedrock",
  operation: "chat",
  speaksHttp2: true,
  patch: () => void patchBedrock(BedrockRuntimeClient.prototype),
} as const;

const { name, description, parameters } = TOOL.function;
const TOOLS = { tools: [{ toolSpec: { name, description, inputSchema: { json: parameters } } }] };

const optionsOf = ({ signal }: Ask) => (signal === undefined ? {} : { abortSignal: signal });
/** Ids and times of one answer. */
const plain = (output: object): unknown => ({ ...output, $metadata: undefined });

export const bedrockConverse: Library = {
  ...common,
  name: "bedrock Converse",
  model: NOVA,
  client(url, options = {}) {
    const client = bedrockClient(url, options);
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      modelId: NOVA,
      messages: [{ role: "user" as const, content: [{ text: prompt }] }],
      ...(maxTokens === undefined ? {} : { inferenceConfig: { maxTokens } }),
      ...(hasTool === true ? { toolConfig: TOOLS } : {}),
    });
    return {
      ask: async (ask) => plain(await client.send(new ConverseCommand(request(ask)), optionsOf(ask))),
      stream: async (ask) => {
        const { stream } = await client.send(new ConverseStreamCommand(request(ask)), optionsOf(ask));
        return stream as AsyncIterable<unknown>;
      },
      forms: {
        "a callback": (ask) =>
          new Promise((resolve, reject) => {
            client.send(new ConverseCommand(request(ask)), (error: unknown, output?: object) => {
              if (output === undefined) reject(error as Error);
              else resolve(plain(output));
            });
          }),
        async metadata(ask) {
          const { $metadata } = await client.send(new ConverseCommand(request(ask)));
          return [$metadata.httpStatusCode, $metadata.attempts, Object.keys($metadata)];
        },
        async "a stream's looks"(ask) {
          const { stream } = await client.send(new ConverseStreamCommand(request(ask)));
          const looks = inspect(stream);
          return [looks, (await readToEnd(stream as AsyncIterable<unknown>)) !== undefined];
        },
      },
    };
  },
};

export const bedrockInvokeClaude: Library = {
  ...common,
  name: "bedrock InvokeModel of a Claude",
  model: HAIKU,
  client(url, options = {}) {
    const client = bedrockClient(url, options);
    const request = ({ prompt, maxTokens = 1_000, hasTool }: Ask) => ({
      modelId: HAIKU,
      contentType: "application/json",
      body: JSON.stringify({
        anthropic_version: "bedrock-2023-05-31",
        max_tokens: maxTokens,
        messages: [{ role: "user", content: prompt }],
        ...(hasTool === true ? { tools: [{ name, description, input_schema: parameters }] } : {}),
      }),
    });
    return {
      ask: async (ask) => {
        const output = await client.send(new InvokeModelCommand(request(ask)), optionsOf(ask));
        return { text: output.body.transformToString(), contentType: output.contentType };
      },
      stream: async (ask) => {
        const { body } = await client.send(new InvokeModelWithResponseStreamCommand(request(ask)), optionsOf(ask));
        return body as AsyncIterable<unknown>;
      },
    };
  },
};

export const bedrockInvokeNova: Library = {
  ...common,
  name: "bedrock InvokeModel of a Nova",
  model: NOVA,
  client(url, options = {}) {
    const client = bedrockClient(url, options);
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      modelId: NOVA,
      contentType: "application/json",
      body: JSON.stringify({
        messages: [{ role: "user", content: [{ text: prompt }] }],
        ...(maxTokens === undefined ? {} : { inferenceConfig: { maxTokens } }),
        ...(hasTool === true ? { toolConfig: TOOLS } : {}),
      }),
    });
    return {
      ask: async (ask) => {
        const output = await client.send(new InvokeModelCommand(request(ask)), optionsOf(ask));
        return { text: output.body.transformToString(), contentType: output.contentType };
      },
      stream: async (ask) => {
        const { body } = await client.send(new InvokeModelWithResponseStreamCommand(request(ask)), optionsOf(ask));
        return body as AsyncIterable<unknown>;
      },
    };
  },
};
