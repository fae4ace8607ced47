import OpenAI from "openai";
import { consume, faultHeaders, readResponse, TOOL, type Operations, type Setting } from "./operation.ts";

const MODEL = "gpt-4o-mini";

/** Held on to before anything else of the app runs. */
const fetchAtStart = globalThis.fetch;

function clientOf(setting: Setting): OpenAI {
  const { url, key, retries, timeoutMs, random } = setting;
  const fetches: readonly (typeof globalThis.fetch | undefined)[] = [
    undefined,
    undefined,
    (input, init) => fetch(input, init),
    fetchAtStart,
    async (input, init) => fetchAtStart(new Request(input as string, { ...init, duplex: "half" } as RequestInit)),
  ];
  const own = random.pick(fetches);
  return new OpenAI({
    apiKey: key,
    baseURL: `${url}/v1`,
    maxRetries: retries,
    defaultHeaders: faultHeaders(setting),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(own === undefined ? {} : { fetch: own }),
  });
}

const messagesOf = ({ prompt }: Setting) => [{ role: "user" as const, content: prompt }];

function chatOf(setting: Setting) {
  const { maxTokens, random } = setting;
  const bound =
    maxTokens === undefined
      ? {}
      : random.chance(0.5)
        ? { max_tokens: maxTokens }
        : { max_completion_tokens: maxTokens };
  const n = random.chance(0.1) ? { n: 2 } : {};
  const tools = random.chance(0.15) ? { tools: [{ type: "function" as const, function: TOOL }] } : {};
  return { model: MODEL, messages: messagesOf(setting), ...bound, ...n, ...tools };
}

function streamOptionsOf({ random }: Setting) {
  const usage = random.pick([undefined, undefined, true, false]);
  return usage === undefined ? {} : { stream_options: { include_usage: usage } };
}

const optionsOf = ({ signal }: Setting) => (signal === undefined ? {} : { signal });

const responseOf = ({ prompt, maxTokens }: Setting) => ({
  model: MODEL,
  input: prompt,
  ...(maxTokens === undefined ? {} : { max_output_tokens: Math.max(16, maxTokens) }),
});

const EVENTS = [
  "connect",
  "chunk",
  "content",
  "message",
  "finalContent",
  "finalMessage",
  "finalChatCompletion",
  "functionToolCall",
  "functionToolCallResult",
  "totalUsage",
  "error",
  "abort",
  "end",
];

/** The order in which a helper tells. */
function noteEvents(
  emitter: { on(name: never, listener: (...args: unknown[]) => void): unknown },
  { note }: Setting,
): void {
  for (const name of EVENTS) emitter.on(name as never, () => note(name));
}

export const openaiOperations: Operations = {
  chat: async (setting) => clientOf(setting).chat.completions.create(chatOf(setting), optionsOf(setting)),
  "chat.twice": async (setting) => {
    const client = clientOf(setting);
    const request = chatOf(setting);
    return [await client.chat.completions.create(request), await client.chat.completions.create(request), request];
  },
  "chat.promise": async (setting) => {
    const promise = clientOf(setting).chat.completions.create(chatOf(setting), optionsOf(setting));
    setting.note([promise.constructor.name, promise instanceof Promise, typeof promise.asResponse]);
    const all = await Promise.allSettled([
      promise,
      promise.then((answer) => answer.id),
      promise.withResponse(),
      promise.finally(() => setting.note("finally")),
    ]);
    return all.map((end) => (end.status === "fulfilled" ? end.value : end.reason) as unknown);
  },
  "chat.left": async (setting) => {
    // Nobody looks at what becomes of it.
    clientOf(setting)
      .chat.completions.create(chatOf(setting))
      .catch(() => {});
  },
  "chat.lazy": async (setting) => {
    const promise = clientOf(setting).chat.completions.create(chatOf(setting));
    await new Promise((resolve) => setImmediate(resolve));
    return promise;
  },
  "chat.stream": async (setting) =>
    consume(
      await clientOf(setting).chat.completions.create(
        { ...chatOf(setting), ...streamOptionsOf(setting), stream: true },
        optionsOf(setting),
      ),
      setting,
    ),
  "chat.asResponse": async (setting) =>
    readResponse(
      await clientOf(setting).chat.completions.create(chatOf(setting), optionsOf(setting)).asResponse(),
      setting,
    ),
  "chat.stream.asResponse": async (setting) =>
    readResponse(
      await clientOf(setting)
        .chat.completions.create({ ...chatOf(setting), ...streamOptionsOf(setting), stream: true }, optionsOf(setting))
        .asResponse(),
      setting,
    ),
  "chat.withResponse": async (setting) => clientOf(setting).chat.completions.create(chatOf(setting)).withResponse(),
  "chat.stream.withResponse": async (setting) => {
    const { data, response } = await clientOf(setting)
      .chat.completions.create({ ...chatOf(setting), stream: true })
      .withResponse();
    setting.note(response);
    return consume(data, setting);
  },
  "chat.parse": async (setting) =>
    clientOf(setting).chat.completions.parse(
      { ...chatOf(setting), response_format: { type: "json_object" } },
      optionsOf(setting),
    ),
  "chat.helper": async (setting) => {
    const runner = clientOf(setting).chat.completions.stream(
      { ...chatOf(setting), ...streamOptionsOf(setting) },
      optionsOf(setting),
    );
    noteEvents(runner, setting);
    return setting.random.chance(0.5)
      ? consume(runner, setting)
      : [await runner.finalChatCompletion(), await runner.totalUsage(), runner.ended, runner.errored, runner.aborted];
  },
  "chat.runTools": async (setting) => {
    const { signal: _signal, ...rest } = setting;
    const tool = {
      type: "function" as const,
      function: {
        ...TOOL,
        parse: JSON.parse,
        function: (args: unknown) => (
          setting.note(args),
          setting.random.chance(0.2) ? Promise.reject(new Error("the tool's own")) : "found"
        ),
      },
    };
    const runner = clientOf(setting).chat.completions.runTools(
      { model: MODEL, messages: messagesOf(rest as Setting), tools: [tool] } as never,
      optionsOf(setting),
    ) as unknown as {
      on(name: never, listener: () => void): unknown;
      finalContent(): Promise<unknown>;
      messages: unknown;
    };
    noteEvents(runner, setting);
    return [await runner.finalContent(), runner.messages];
  },
  "chat.runTools.stream": async (setting) => {
    const tool = {
      type: "function" as const,
      function: { ...TOOL, parse: JSON.parse, function: (args: unknown) => (setting.note(args), "found") },
    };
    const runner = clientOf(setting).chat.completions.runTools(
      { model: MODEL, messages: messagesOf(setting), tools: [tool], stream: true } as never,
      optionsOf(setting),
    ) as unknown as {
      on(name: never, listener: () => void): unknown;
      finalContent(): Promise<unknown>;
      messages: unknown;
    };
    noteEvents(runner, setting);
    return [await runner.finalContent(), runner.messages];
  },
  post: async (setting) =>
    clientOf(setting).post("/chat/completions", { body: chatOf(setting), ...optionsOf(setting) }),
  "post.stream": async (setting) =>
    consume(
      (await clientOf(setting).post("/chat/completions", {
        body: { ...chatOf(setting), stream: true },
        stream: true,
        ...optionsOf(setting),
      })) as AsyncIterable<unknown>,
      setting,
    ),
  responses: async (setting) => clientOf(setting).responses.create(responseOf(setting), optionsOf(setting)),
  "responses.stream": async (setting) =>
    consume(
      await clientOf(setting).responses.create({ ...responseOf(setting), stream: true }, optionsOf(setting)),
      setting,
    ),
  "responses.asResponse": async (setting) =>
    readResponse(
      await clientOf(setting)
        .responses.create({ ...responseOf(setting), stream: setting.random.chance(0.5) }, optionsOf(setting))
        .asResponse(),
      setting,
    ),
  "responses.parse": async (setting) => clientOf(setting).responses.parse(responseOf(setting), optionsOf(setting)),
  "responses.helper": async (setting) => {
    const runner = clientOf(setting).responses.stream(responseOf(setting), optionsOf(setting));
    return setting.random.chance(0.5) ? consume(runner, setting) : runner.finalResponse();
  },
  embeddings: async (setting) =>
    clientOf(setting).embeddings.create(
      { model: "text-embedding-3-small", input: setting.random.chance(0.5) ? setting.prompt : [setting.prompt, "b"] },
      optionsOf(setting),
    ),
  "a path that is not there": async (setting) => clientOf(setting).models.list(),
  "what is refused": async (setting) => clientOf(setting).chat.completions.create({ ...chatOf(setting), messages: [] }),
};
