/**
 * An agent for tests: takes `{providerUrl, apiKey, steps}` as its one argument, does the steps one after the other and prints
 * what came of each as one line of JSON: `{ok: true, reply}` or `{ok: false, name, code, message, details}`.
 */
import Anthropic from "@anthropic-ai/sdk";
import { guardTool, withContext } from "@tollgate/instrumentation";
import OpenAI from "openai";

const { providerUrl, apiKey, steps } = JSON.parse(process.argv[2] ?? "{}");
const openai = new OpenAI({ apiKey, baseURL: `${providerUrl}/v1` });
const anthropic = new Anthropic({ apiKey, baseURL: providerUrl });

/** @returns {Promise<AsyncIterable<unknown>>} */
function streamOf(request, headers = {}) {
  return openai.chat.completions.create({ ...request, stream: true }, { headers });
}

const kinds = {
  chat: ({ request, headers }) => openai.chat.completions.create(request, { headers }),
  /** Something of the request throws for whoever reads it first. */
  trappedChat: ({ request }) => {
    const trap = {
      get: () => (Object.defineProperty(request, "model", given), fail()),
      enumerable: true,
      configurable: true,
    };
    const given = { value: request.model, enumerable: true, configurable: true };
    const fail = () => {
      throw new TypeError("not yet");
    };
    return openai.chat.completions.create(Object.defineProperty(request, "model", trap));
  },
  responses: ({ request, headers }) => openai.responses.create(request, { headers }),
  messages: ({ request, headers }) => anthropic.messages.create(request, { headers }),
  /** Reads `pieces` chunks of a stream and hangs up. */
  abortedChat: async ({ request, pieces }) => {
    let seen = 0;
    for await (const chunk of await streamOf(request)) {
      void chunk;
      seen += 1;
      if (seen === pieces) break;
    }
    return { seen };
  },
  streamedChat: async ({ request, headers }) => {
    const chunks = [];
    for await (const chunk of await streamOf(request, headers)) chunks.push(chunk);
    return chunks;
  },
  tool: ({ name, args, result = "ran" }) => guardTool(name, async () => result)(args),
  /** Runs the tool again and again, until it is refused. */
  toolUntilRefused: async ({ name, args }) => {
    const tool = guardTool(name, async () => "ran");
    for (;;) {
      await tool(args);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
  fetch: async ({ url }) => (await fetch(url)).status,
};

for (const step of steps) {
  const run = () => kinds[step.kind](step);
  try {
    const reply = await (step.context === undefined ? run() : withContext(step.context, run));
    process.stdout.write(`${JSON.stringify({ ok: true, reply })}\n`);
  } catch (error) {
    const details = JSON.parse(
      JSON.stringify(error, (_key, value) => (typeof value === "bigint" ? value.toString() : value)),
    );
    const { name, code, message } = error;
    process.stdout.write(`${JSON.stringify({ ok: false, name, code, message, details })}\n`);
  }
}
