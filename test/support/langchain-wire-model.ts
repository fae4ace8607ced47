/** A chat model of LangChain that uses no SDK: it asks the provider simulator through `fetch`, as many integrations do. */
import type * as models from "@langchain/core/language_models/chat_models";
import type * as messages from "@langchain/core/messages";
import type { AIMessageChunkFields, AIMessageFields, BaseMessage } from "@langchain/core/messages";
import type * as outputs from "@langchain/core/outputs";

interface Twin {
  readonly models: typeof models;
  readonly messages: typeof messages;
  readonly outputs: typeof outputs;
}

interface Chunk {
  readonly id: string;
  readonly choices: readonly { readonly delta: { readonly content?: string }; readonly finish_reason: string | null }[];
  readonly usage?: Usage | null;
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export interface WireModelOptions {
  readonly url: string;
  readonly maxTokens: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** By LangChain's own caller. @default 0 */
  readonly maxRetries?: number;
}

export function makeWireModel(twin: Twin, options: WireModelOptions): models.BaseChatModel {
  const { url, maxTokens, headers = {}, maxRetries = 0 } = options;
  const usageOf = ({ prompt_tokens, completion_tokens, total_tokens }: Usage) => ({
    input_tokens: prompt_tokens,
    output_tokens: completion_tokens,
    total_tokens,
  });
  const ask = async (
    given: readonly BaseMessage[],
    body: object,
    signal: AbortSignal | undefined,
  ): Promise<Response> => {
    const asked = given.map(({ content }) => ({ role: "user", content }));
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer test", "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "gpt-4o", messages: asked, max_tokens: maxTokens, ...body }),
      signal: signal ?? null,
    });
    if (!response.ok) {
      const { status } = response;
      // By them LangChain knows how long to wait.
      throw Object.assign(new Error(String(status)), { status, headers: response.headers });
    }
    return response;
  };

  class WireModel extends twin.models.BaseChatModel {
    override _llmType(): string {
      return "wire";
    }

    override getLsParams(): ReturnType<models.BaseChatModel["getLsParams"]> {
      return {
        ls_model_type: "chat",
        ls_provider: "openai",
        ls_model_name: "gpt-4o",
        ...(maxTokens !== undefined && { ls_max_tokens: maxTokens }),
      };
    }

    override async _generate(given: BaseMessage[], options: this["ParsedCallOptions"]) {
      const response = await this.caller.call(() => ask(given, {}, options.signal));
      const answer = (await response.json()) as { choices: { message: { content: string } }[]; usage?: Usage };
      const text = answer.choices[0]?.message.content ?? "";
      const message = new twin.messages.AIMessage({
        content: text,
        ...(answer.usage === undefined ? {} : { usage_metadata: usageOf(answer.usage) }),
      } as AIMessageFields);
      return { generations: [{ text, message, generationInfo: { finish_reason: "stop" } }] };
    }

    override async *_streamResponseChunks(given: BaseMessage[], options: this["ParsedCallOptions"]) {
      const body = { stream: true, stream_options: { include_usage: true } };
      const response = await this.caller.call(() => ask(given, body, options.signal));
      let rest = "";
      for await (const piece of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
        const lines = (rest + piece).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (!line.startsWith("data: {")) continue;
          const { choices, usage } = JSON.parse(line.slice("data: ".length)) as Chunk;
          const text = choices[0]?.delta.content ?? "";
          const reason = choices[0]?.finish_reason ?? undefined;
          yield new twin.outputs.ChatGenerationChunk({
            text,
            message: new twin.messages.AIMessageChunk({
              content: text,
              ...(usage === null || usage === undefined ? {} : { usage_metadata: usageOf(usage) }),
            } as AIMessageChunkFields),
            ...(reason === undefined ? {} : { generationInfo: { finish_reason: reason } }),
          });
        }
      }
    }
  }
  return new WireModel({ maxRetries });
}
