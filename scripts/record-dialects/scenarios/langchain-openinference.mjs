/** OpenInference around LangChain: a chain over a chat model and a tool. */
import * as CallbackManagerModule from "@langchain/core/callbacks/manager";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { LangChainInstrumentation } from "@arizeai/openinference-instrumentation-langchain";
import { z } from "zod";
import { LONG_SYSTEM } from "./calls.mjs";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
new LangChainInstrumentation().manuallyInstrument(CallbackManagerModule);

const model = new ChatOpenAI({
  model: "gpt-4o",
  configuration: { baseURL: process.env.OPENAI_BASE_URL },
  maxRetries: 0,
});
const prompt = ChatPromptTemplate.fromMessages([
  ["system", LONG_SYSTEM],
  ["user", "{question}"],
]);
const chain = prompt.pipe(model);
const config = { runName: "planner", metadata: { session_id: "session-7" } };
await chain.invoke({ question: "First question." }, config);
await chain.invoke({ question: "Second question." }, config);
for await (const _chunk of await chain.stream({ question: "Third question." }, config));
const lookup = tool(async () => "shipped", {
  name: "order_lookup",
  description: "Where an order is",
  schema: z.object({ order: z.string() }),
});
await lookup.invoke({ order: "A-17" }, config);
await new ChatOpenAI({
  model: "gpt-unknown",
  configuration: { baseURL: process.env.OPENAI_BASE_URL },
  maxRetries: 0,
})
  .invoke("Not there.")
  .catch(() => undefined);
await provider.shutdown();
