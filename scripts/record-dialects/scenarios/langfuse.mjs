/** Langfuse's SDK 5: `observeOpenAI`, observations made by hand, session and user of the trace. */
import { observeOpenAI } from "@langfuse/openai";
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { propagateAttributes, startActiveObservation } from "@langfuse/tracing";
import { callOpenai, require } from "./calls.mjs";
import { newExporter, startTracing } from "./setup.mjs";

const provider = startTracing([
  new LangfuseSpanProcessor({ exporter: newExporter(), exportMode: "immediate", publicKey: "pk", secretKey: "sk" }),
]);
const { OpenAI } = require("openai");
const { Anthropic } = require("@anthropic-ai/sdk");

await propagateAttributes({ sessionId: "session-7", userId: "user-9" }, () =>
  startActiveObservation(
    "planner",
    async (agent) => {
      await callOpenai(observeOpenAI(new OpenAI()));
      await startActiveObservation("order_lookup", async (tool) => tool.update({ output: "shipped" }), {
        asType: "tool",
      });
      // As Langfuse's guide has it for a provider without a wrapper.
      await startActiveObservation(
        "ask claude",
        async (generation) => {
          const client = new Anthropic({ openTelemetry: false });
          const messages = [{ role: "user", content: "How much is the toll?" }];
          const answer = await client.messages.create({ model: "claude-haiku-4-5", max_tokens: 200, messages });
          generation.update({
            model: answer.model,
            usageDetails: { input: answer.usage.input_tokens, output: answer.usage.output_tokens },
            costDetails: { total: 0.5 },
          });
        },
        { asType: "generation" },
      );
      agent.update({ output: "done" });
    },
    { asType: "agent" },
  ),
);
await provider.forceFlush();
await provider.shutdown();
