/**
 * POST /v1/messages/batches (https://platform.claude.com/docs/en/api/creating-message-batches): many messages in one request, at
 * half the price. They are billed hours later, so a batch is charged at once as the most that it can cost, and its span says
 * `estimated`. Its requests are sent as they are.
 */
import { asArray, asBody, asText } from "../gate/endpoint.ts";
import type { Body, Endpoint, RequestFacts } from "../gate/endpoint.ts";
import * as semconv from "../semconv.ts";
import { messages } from "./messages.ts";

export function messageBatchesOf(provider: string): Endpoint {
  return {
    provider,
    operation: semconv.Operation.chat,
    readRequest,
    rewrite: (body) => body,
    readAnswer: (answer) => {
      const id = asText(asBody(answer)?.["id"]);
      return { id, model: undefined, finishReasons: [], usage: undefined };
    },
    streamReader() {
      throw new Error("a batch is not streamed");
    },
    blockedAnswer: () => "{}",
  };
}

function readRequest(body: Body): RequestFacts {
  const all = asArray(body["requests"]).map((request) =>
    messages.readRequest(asBody(asBody(request)?.["params"]) ?? {}),
  );
  const names = [...new Set(all.map(({ model }) => model))];
  const [model] = names;
  const inputs = all.map(({ inputBound }) => inputBound);
  const outputs = all.map(({ outputBound }) => outputBound);
  return {
    // One price can't be found for several models.
    model: names.length === 1 && model !== undefined ? model : "several models",
    isStreamed: false,
    tier: "batch",
    choices: Math.max(1, all.length),
    outputBound: outputs.some((bound) => bound === undefined)
      ? undefined
      : Math.max(1, ...outputs.map((bound) => bound ?? 0)),
    outputLeast: Number.MAX_SAFE_INTEGER,
    inputBound: inputs.some((bound) => bound === undefined)
      ? undefined
      : inputs.reduce<number>((sum, bound) => sum + (bound ?? 0), 0),
    cacheWrites: all.some(({ cacheWrites }) => cacheWrites),
    hidesOutput: true,
    isFixed: true,
    attributes: {},
  };
}
