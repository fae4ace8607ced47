/**
 * OpenAI's pictures and sound on the wire: JSON or a form goes in; the counts come with JSON and with the last event of a stream, and with
 * plain sound not at all. https://platform.openai.com/docs/api-reference/images · …/audio
 */
import {
  inChunks,
  invalidRequest,
  isRecord,
  serverSentEvent,
  type Dialect,
  type PromptPart,
  type ProviderError,
  type SimulatedCall,
  type SimulatedReply,
  type StreamPiece,
} from "./dialect.ts";
import { azureDeployment, openaiError, openaiModel } from "./openai.ts";

type Body = Readonly<Record<string, unknown>>;

/** A file's tokens follow from its length. */
const BYTES_PER_TOKEN = 2;

/** OpenAI's path of an operation, and Azure's. */
function either(operation: string): (path: string) => Body | undefined {
  const ofAzure = azureDeployment(operation);
  return (path) => (path === `/v1${operation}` ? {} : ofAzure(path));
}

const generations = either("/images/generations");
const edits = either("/images/edits");

const common = { provider: "openai", requestIdHeader: "x-request-id", error: openaiError } as const;

export const openaiImages: Dialect = {
  ...common,
  path: (path) => generations(path) ?? edits(path),
  parse: (body) => toCall(body, { text: body["prompt"], files: ["image", "image[]"] }),
  json: (_call, reply) => ({
    created: reply.createdUnixS,
    data: reply.choices.map(() => ({ b64_json: "AAAA" })),
    usage: usageOf(reply, "input_tokens_details", "image_tokens"),
  }),
  stream: (_call, reply, tokensPerPiece) =>
    events(reply, {
      tokensPerPiece,
      piece: (_text, index) => ({ type: "image_generation.partial_image", partial_image_index: index, b64_json: "AA" }),
      last: {
        type: "image_generation.completed",
        b64_json: "AAAA",
        usage: usageOf(reply, "input_tokens_details", "image_tokens"),
      },
    }),
};

export const openaiSpeech: Dialect = {
  ...common,
  path: either("/audio/speech"),
  parse: (body) => toCall({ ...body, stream: body["stream_format"] === "sse" }, { text: body["input"], files: [] }),
  json: () => ({}),
  bytes: (_call, { choices }) => ({ text: Buffer.from(`ID3${choices[0]?.tokens.join("") ?? ""}`), type: "audio/mpeg" }),
  stream: (_call, reply, tokensPerPiece) =>
    events(reply, {
      tokensPerPiece,
      piece: (text) => ({ type: "speech.audio.delta", audio: Buffer.from(text).toString("base64") }),
      last: { type: "speech.audio.done", usage: usageOf(reply) },
    }),
};

export const openaiTranscriptions: Dialect = {
  ...common,
  path: either("/audio/transcriptions"),
  parse: (body) => toCall(body, { text: body["prompt"], files: ["file"] }),
  json: (_call, reply) => ({ text: reply.choices[0]?.tokens.join(""), usage: heard(reply) }),
  stream: (_call, reply, tokensPerPiece) =>
    events(reply, {
      tokensPerPiece,
      piece: (delta) => ({ type: "transcript.text.delta", delta }),
      last: { type: "transcript.text.done", text: reply.choices[0]?.tokens.join(""), usage: heard(reply) },
    }),
};

/** A form has nothing but texts and files. */
function toCall(
  body: Body,
  { text, files }: { readonly text: unknown; readonly files: readonly string[] },
): SimulatedCall | ProviderError {
  const model = openaiModel(body);
  if ("status" in model) return model;
  const media = files.map((name) => body[name]).filter((file) => isRecord(file));
  if (typeof text !== "string" && media.length === 0) return invalidRequest("Missing required parameter.");
  const prompt: PromptPart[] = [
    { role: "text", text: typeof text === "string" ? text : "" },
    ...media.map(({ bytes }) => ({ role: "file", text: "", mediaTokens: Math.ceil(Number(bytes) / BYTES_PER_TOKEN) })),
  ];
  return {
    model,
    modelName: String(body["model"]),
    stream: body["stream"] === true || body["stream"] === "true",
    includeUsage: true,
    outputBound: undefined,
    choices: Number(body["n"] ?? 1),
    prompt,
  };
}

function* events(
  { choices }: SimulatedReply,
  {
    tokensPerPiece,
    piece,
    last,
  }: {
    readonly tokensPerPiece: number;
    readonly piece: (text: string, index: number) => object;
    readonly last: object;
  },
): Generator<StreamPiece> {
  let outputTokens = 0;
  for (const { tokens } of choices) {
    for (const [index, { text, count }] of [...inChunks(tokens, tokensPerPiece)].entries()) {
      outputTokens += count;
      yield { text: serverSentEvent(piece(text, index)), outputTokens };
    }
  }
  yield { text: serverSentEvent(last), outputTokens };
}

function heard(reply: SimulatedReply): object {
  return { type: "tokens", ...usageOf(reply, "input_token_details", "audio_tokens") };
}

/** `details`: where the input is told apart, and what that of files is called there. */
function usageOf({ billed }: SimulatedReply, details?: string, files = ""): object {
  const text = billed.input + billed.cacheRead;
  const input = text + billed.media;
  return {
    input_tokens: input,
    ...(details === undefined ? {} : { [details]: { text_tokens: text, [files]: billed.media } }),
    output_tokens: billed.output,
    total_tokens: input + billed.output,
  };
}
