import Anthropic from "@anthropic-ai/sdk";
import { consume, faultHeaders, readResponse, TOOL, type Operations, type Setting } from "./operation.ts";

function clientOf(setting: Setting): Anthropic {
  const { url, key, retries, timeoutMs } = setting;
  return new Anthropic({
    apiKey: key,
    baseURL: url,
    maxRetries: retries,
    defaultHeaders: faultHeaders(setting),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
}

const requestOf = ({ prompt, maxTokens = 300, random }: Setting) => ({
  model: "claude-haiku-4-5",
  max_tokens: maxTokens,
  messages: [{ role: "user" as const, content: prompt }],
  ...(random.chance(0.2)
    ? {
        system: [
          {
            type: "text" as const,
            text: `${prompt} `.repeat(random.between(1, 300)),
            cache_control: { type: "ephemeral" as const },
          },
        ],
      }
    : {}),
});

const optionsOf = ({ signal }: Setting) => (signal === undefined ? {} : { signal });
const EVENTS = ["connect", "streamEvent", "text", "contentBlock", "message", "finalMessage", "error", "abort", "end"];

export const anthropicOperations: Operations = {
  messages: async (setting) => clientOf(setting).messages.create(requestOf(setting), optionsOf(setting)),
  "messages.promise": async (setting) => {
    const promise = clientOf(setting).messages.create(requestOf(setting), optionsOf(setting));
    const all = await Promise.allSettled([
      promise,
      promise.withResponse(),
      promise.asResponse().then((response) => response.status),
    ]);
    return all.map((end) => (end.status === "fulfilled" ? end.value : end.reason) as unknown);
  },
  "messages.stream": async (setting) =>
    consume(
      await clientOf(setting).messages.create({ ...requestOf(setting), stream: true }, optionsOf(setting)),
      setting,
    ),
  "messages.asResponse": async (setting) =>
    readResponse(
      await clientOf(setting)
        .messages.create({ ...requestOf(setting), stream: setting.random.chance(0.5) }, optionsOf(setting))
        .asResponse(),
      setting,
    ),
  "messages.helper": async (setting) => {
    const stream = clientOf(setting).messages.stream(requestOf(setting), optionsOf(setting));
    for (const name of EVENTS) stream.on(name as "end", () => setting.note(name));
    if (setting.random.chance(0.4)) return consume(stream, setting);
    return [
      await stream.finalMessage(),
      await stream.finalText(),
      stream.ended,
      stream.errored,
      stream.aborted,
      stream.request_id === null,
    ];
  },
  "messages.helper.withResponse": async (setting) => {
    const { data, response } = await clientOf(setting)
      .messages.stream(requestOf(setting), optionsOf(setting))
      .withResponse();
    setting.note(response);
    return data.finalMessage();
  },
  "messages.left": async (setting) => {
    const stream = clientOf(setting).messages.stream(requestOf(setting));
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("end", () => resolve(undefined)));
  },
  "beta.messages": async (setting) => clientOf(setting).beta.messages.create(requestOf(setting), optionsOf(setting)),
  "beta.toolRunner": async (setting) => {
    const tool = {
      type: "custom" as const,
      name: TOOL.name,
      description: TOOL.description,
      input_schema: TOOL.parameters,
      parse: (input: unknown) => input,
      run: (input: unknown) => (setting.note(input), "found"),
    };
    const runner = clientOf(setting).beta.messages.toolRunner({
      ...requestOf(setting),
      tools: [tool],
      max_iterations: 3,
    } as never);
    return setting.random.chance(0.5) ? runner.done() : consume(runner as AsyncIterable<unknown>, setting);
  },
  countTokens: async (setting) =>
    clientOf(setting).messages.countTokens({ model: "claude-haiku-4-5", messages: requestOf(setting).messages }),
};
