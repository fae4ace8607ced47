/**
 * A local server that answers as OpenAI and Anthropic do, by script: each request takes the next answer, the last one stays.
 * For tests of the gate: it records what arrived, byte for byte, and can fail in each way a provider fails.
 */
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface RecordedRequest {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly headers: IncomingMessage["headers"];
}

export interface ScriptedAnswer {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON answer. */
  readonly json?: unknown;
  /** Raw text in place of JSON. */
  readonly text?: string;
  /** Events of a stream, each `data:` JSON, with `event:` when it has a `type` (but `[DONE]` as it is). */
  readonly events?: readonly unknown[];
  /** Destroys the connection after this many events; 0 before the headers. */
  readonly cutAfter?: number;
  /** Resolves when the answer may start. */
  readonly until?: Promise<unknown>;
  /** Waited for before each event after the first. */
  readonly between?: () => Promise<unknown>;
}

export type Script = (request: RecordedRequest, index: number) => ScriptedAnswer;

export interface ScriptedProvider {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  script: Script;
  close(): Promise<void>;
}

export async function startScriptedProvider(
  script: Script = () => ({}),
  { speaksHttp2 = false }: { readonly speaksHttp2?: boolean } = {},
): Promise<ScriptedProvider> {
  const requests: RecordedRequest[] = [];
  const provider = { script };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    void readBody(request).then(async (body) => {
      const recorded = { path: request.url ?? "", body, headers: request.headers };
      requests.push(recorded);
      await answer(response, provider.script(recorded, requests.length - 1)).catch(() => response.destroy());
    });
  };
  const sockets = new Set<Socket>();
  // Node's own stand-ins for the classes of HTTP/1.
  const server = speaksHttp2 ? createHttp2Server(onRequest as never) : createServer(onRequest);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get script() {
      return provider.script;
    },
    set script(next: Script) {
      provider.script = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  // A form with files is not read.
  if (!/^[{[]/.test(text)) return {};
  return JSON.parse(text) as Record<string, unknown>;
}

async function answer(response: ServerResponse, script: ScriptedAnswer): Promise<void> {
  await script.until;
  if (script.events !== undefined) {
    await stream(response, script, script.events);
    return;
  }
  if (script.cutAfter === 0) {
    response.destroy();
    return;
  }
  response.writeHead(script.status ?? 200, { "content-type": "application/json", ...script.headers });
  response.end(script.text ?? JSON.stringify(script.json ?? {}));
}

async function stream(response: ServerResponse, script: ScriptedAnswer, events: readonly unknown[]): Promise<void> {
  response.writeHead(script.status ?? 200, { "content-type": "text/event-stream", ...script.headers });
  for (const [index, event] of events.entries()) {
    if (index > 0) await script.between?.();
    if (script.cutAfter === index) {
      response.destroy();
      return;
    }
    const isTyped = typeof event === "object" && event !== null && "type" in event;
    const name = isTyped ? `event: ${String(event.type)}\n` : "";
    const data = typeof event === "string" ? event : JSON.stringify(event);
    await new Promise<void>((resolve, reject) => {
      response.write(`${name}data: ${data}\n\n`, (error) => (error ? reject(error) : resolve()));
    });
  }
  response.end();
}

const CREATED = 1_700_000_000;

/** A chat completion with usage. */
export function chatCompletion(usage: { readonly input: number; readonly output: number }, text = "hello"): object {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: CREATED,
    model: "gpt-4o-mini-2024-07-18",
    choices: [
      { index: 0, message: { role: "assistant", content: text, refusal: null }, logprobs: null, finish_reason: "stop" },
    ],
    usage: chatUsage(usage),
  };
}

/** The events of a streamed chat completion; with usage only when `usage` is given, as after `include_usage`. */
export function chatEvents(
  texts: readonly string[],
  usage?: { readonly input: number; readonly output: number },
): readonly unknown[] {
  const base = { id: "chatcmpl-1", object: "chat.completion.chunk", created: CREATED, model: "gpt-4o-mini-2024-07-18" };
  const nothing = usage === undefined ? {} : { usage: null };
  const chunk = (delta: object, finish: string | null): object => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...nothing,
  });
  return [
    ...texts.map((content, index) => chunk({ ...(index === 0 ? { role: "assistant" } : {}), content }, null)),
    chunk({}, "stop"),
    ...(usage === undefined ? [] : [{ ...base, choices: [], usage: chatUsage(usage) }]),
    "[DONE]",
  ];
}

export function chatUsage({ input, output }: { readonly input: number; readonly output: number }): object {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}

/** An answer of the Responses API. */
export function responsesAnswer(usage: { readonly input: number; readonly output: number }, text = "hello"): object {
  return {
    id: "resp_1",
    object: "response",
    created_at: CREATED,
    status: "completed",
    error: null,
    incomplete_details: null,
    model: "gpt-4o-mini-2024-07-18",
    output: [
      {
        id: "msg_1",
        type: "message",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text, annotations: [] }],
      },
    ],
    usage: {
      input_tokens: usage.input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: usage.output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.input + usage.output,
    },
  };
}

export function responsesEvents(
  texts: readonly string[],
  usage: { readonly input: number; readonly output: number },
): readonly unknown[] {
  const completed = responsesAnswer(usage, texts.join(""));
  return [
    {
      type: "response.created",
      sequence_number: 0,
      response: { ...completed, status: "in_progress", usage: null, output: [] },
    },
    ...texts.map((delta, index) => ({
      type: "response.output_text.delta",
      sequence_number: index + 1,
      item_id: "msg_1",
      output_index: 0,
      content_index: 0,
      delta,
    })),
    { type: "response.completed", sequence_number: texts.length + 1, response: completed },
  ];
}

/** A message of the Anthropic API. */
export function message(usage: Readonly<Record<string, unknown>>, text = "hello"): object {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-haiku-4-5-20251001",
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage,
  };
}

export function messageEvents(
  texts: readonly string[],
  usage: { readonly input: number; readonly output: number },
  startUsage: Readonly<Record<string, unknown>> = {},
): readonly unknown[] {
  const start = {
    ...message({ input_tokens: usage.input, output_tokens: 1, ...startUsage }),
    content: [],
    stop_reason: null,
  };
  return [
    { type: "message_start", message: start },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    ...texts.map((text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: usage.output },
    },
    { type: "message_stop" },
  ];
}
