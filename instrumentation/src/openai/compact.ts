/** POST /responses/compact (https://platform.openai.com/docs/api-reference/responses/compact): a conversation made shorter by its model. */
import type { Body, Endpoint, RequestFacts } from "../gate/endpoint.ts";
import { responsesOf } from "./responses.ts";

/** As a response, but its output has no bound that a request could lower. */
export function compactionOf(provider: string): Endpoint {
  const responses = responsesOf(provider);
  return {
    ...responses,
    readRequest(body: Body): RequestFacts {
      const facts = responses.readRequest(body);
      return {
        ...facts,
        outputBound: undefined,
        outputLeast: Number.MAX_SAFE_INTEGER,
        hidesOutput: true,
        isFixed: true,
      };
    },
    rewrite: (body) => body,
    blockedAnswer: () =>
      JSON.stringify({
        id: "resp_tollgate",
        object: "response.compaction",
        created_at: 0,
        output: [],
        usage: NO_USAGE,
      }),
  };
}

const NO_USAGE = { input_tokens: 0, output_tokens: 0, total_tokens: 0 };
