import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { GoogleGenAI } from "@google/genai";
import { embed, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { consume, faultHeaders, TOOL, type Operations, type Setting } from "./operation.ts";

const GEMINI = "gemini-2.5-flash";

function googleOf(setting: Setting): GoogleGenAI {
  const { url, key, retries, timeoutMs } = setting;
  return new GoogleGenAI({
    apiKey: key,
    httpOptions: {
      baseUrl: url,
      headers: faultHeaders(setting),
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      ...(retries > 0 ? { retryOptions: { attempts: retries + 1 } } : {}),
    },
  });
}

const contentOf = ({ prompt, maxTokens, signal }: Setting) => ({
  model: GEMINI,
  contents: prompt,
  config: {
    ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
    ...(signal === undefined ? {} : { abortSignal: signal }),
  },
});

export const googleOperations: Operations = {
  generateContent: async (setting) => googleOf(setting).models.generateContent(contentOf(setting)),
  generateContentStream: async (setting) =>
    consume(await googleOf(setting).models.generateContentStream(contentOf(setting)), setting),
  "google chat": async (setting) => {
    const chat = googleOf(setting).chats.create({ model: GEMINI });
    const first = await chat.sendMessage({ message: setting.prompt });
    return [first, await chat.sendMessage({ message: "and more" }), chat.getHistory()];
  },
  "google chat stream": async (setting) => {
    const chat = googleOf(setting).chats.create({ model: GEMINI });
    return [
      await consume(await chat.sendMessageStream({ message: setting.prompt }), setting),
      chat.getHistory().length,
    ];
  },
  embedContent: async (setting) =>
    googleOf(setting).models.embedContent({ model: "gemini-embedding-001", contents: setting.prompt }),
};

function bedrockOf(setting: Setting): BedrockRuntimeClient {
  const { http2Url, key, retries } = setting;
  const client = new BedrockRuntimeClient({
    region: "us-east-1",
    endpoint: http2Url,
    credentials: { accessKeyId: key, secretAccessKey: "s" },
    maxAttempts: retries + 1,
  });
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as { headers: Record<string, string> }).headers, faultHeaders(setting));
      return next(args);
    },
    { step: "build", name: "testFault" },
  );
  return client;
}

async function withBedrock(
  setting: Setting,
  work: (client: BedrockRuntimeClient) => Promise<unknown>,
): Promise<unknown> {
  const client = bedrockOf(setting);
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

const converseOf = ({ prompt, maxTokens }: Setting) => ({
  modelId: "amazon.nova-lite-v1:0",
  messages: [{ role: "user" as const, content: [{ text: prompt }] }],
  ...(maxTokens === undefined ? {} : { inferenceConfig: { maxTokens } }),
});
const invokeOf = ({ prompt, maxTokens = 300 }: Setting) => ({
  modelId: "us.anthropic.claude-haiku-4-5-20251001-v1:0",
  contentType: "application/json",
  body: JSON.stringify({
    anthropic_version: "bedrock-2023-05-31",
    max_tokens: maxTokens,
    messages: [{ role: "user", content: prompt }],
  }),
});
const sendOptions = ({ signal }: Setting) => (signal === undefined ? {} : { abortSignal: signal });

export const bedrockOperations: Operations = {
  converse: (setting) =>
    withBedrock(setting, (client) => client.send(new ConverseCommand(converseOf(setting)), sendOptions(setting))),
  converseStream: (setting) =>
    withBedrock(setting, async (client) => {
      const { stream } = await client.send(new ConverseStreamCommand(converseOf(setting)), sendOptions(setting));
      return consume(stream as AsyncIterable<unknown>, setting);
    }),
  invokeModel: (setting) =>
    withBedrock(setting, (client) => client.send(new InvokeModelCommand(invokeOf(setting)), sendOptions(setting))),
  invokeStream: (setting) =>
    withBedrock(setting, async (client) => {
      const { body } = await client.send(
        new InvokeModelWithResponseStreamCommand(invokeOf(setting)),
        sendOptions(setting),
      );
      return consume(body as AsyncIterable<unknown>, setting);
    }),
};

function aiModel(setting: Setting) {
  const { url, key, random } = setting;
  const common = { apiKey: key, headers: faultHeaders(setting) };
  if (random.chance(0.3)) return createAnthropic({ ...common, baseURL: `${url}/v1` })("claude-haiku-4-5");
  const openai = createOpenAI({ ...common, baseURL: `${url}/v1` });
  return random.chance(0.5) ? openai.chat("gpt-4o-mini") : openai.responses("gpt-4o-mini");
}

const aiOf = (setting: Setting) => ({
  model: aiModel(setting),
  prompt: setting.prompt,
  maxRetries: setting.retries,
  ...(setting.maxTokens === undefined ? {} : { maxOutputTokens: Math.max(16, setting.maxTokens) }),
  ...(setting.signal === undefined ? {} : { abortSignal: setting.signal }),
});

const aiTools = (setting: Setting) => ({
  [TOOL.name]: tool({
    description: TOOL.description,
    inputSchema: jsonSchema<{ text?: string }>(TOOL.parameters),
    execute: async (input) => (setting.note(input), "found"),
  }),
});

export const aiOperations: Operations = {
  generateText: async (setting) => {
    const { text, usage, finishReason, steps } = await generateText(aiOf(setting));
    return { text, usage, finishReason, steps: steps.length };
  },
  "generateText with tools": async (setting) => {
    const { text, toolCalls, toolResults, usage, steps } = await generateText({
      ...aiOf(setting),
      tools: aiTools(setting),
      stopWhen: stepCountIs(3),
    });
    return { text, toolCalls, toolResults, usage, steps: steps.map((step) => step.finishReason) };
  },
  streamText: async (setting) => {
    const result = streamText({
      ...aiOf(setting),
      onError: ({ error }) => setting.note(error),
      onFinish: ({ usage }) => setting.note(usage),
    });
    const parts: unknown[] = [];
    for await (const part of result.fullStream) parts.push(part.type === "error" ? part : part.type);
    return [
      parts,
      await result.text.then(
        (text) => text,
        (error: unknown) => error,
      ),
    ];
  },
  embed: async (setting) => {
    const { url, key } = setting;
    const model = createOpenAI({ apiKey: key, baseURL: `${url}/v1`, headers: faultHeaders(setting) }).embedding(
      "text-embedding-3-small",
    );
    const { embedding, usage } = await embed({
      model,
      value: setting.prompt,
      maxRetries: setting.retries,
      ...(setting.signal === undefined ? {} : { abortSignal: setting.signal }),
    });
    return { length: embedding.length, usage };
  },
};
