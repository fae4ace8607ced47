/** Arize OpenInference around `openai` and `@anthropic-ai/sdk`, with the session and user of its context helpers. */
import { context, trace } from "@opentelemetry/api";
import { setSession, setUser } from "@arizeai/openinference-core";
import { AnthropicInstrumentation } from "@arizeai/openinference-instrumentation-anthropic";
import { OpenAIInstrumentation } from "@arizeai/openinference-instrumentation-openai";
import { callAnthropic, callOpenai, require } from "./calls.mjs";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
const openai = require("openai");
const anthropic = require("@anthropic-ai/sdk");
new OpenAIInstrumentation().manuallyInstrument(openai.OpenAI ?? openai);
new AnthropicInstrumentation().manuallyInstrument(anthropic);

const here = setUser(setSession(context.active(), { sessionId: "session-7" }), { userId: "user-9" });
await context.with(here, () =>
  trace
    .getTracer("app")
    .startActiveSpan(
      "plan trip",
      { attributes: { "openinference.span.kind": "AGENT", "agent.name": "planner" } },
      async (agent) => {
        await callOpenai(new openai.OpenAI());
        await callAnthropic(new anthropic.Anthropic());
        trace
          .getTracer("app")
          .startSpan("lookup", { attributes: { "openinference.span.kind": "TOOL", "tool.name": "order_lookup" } })
          .end();
        agent.end();
      },
    ),
);
await provider.shutdown();
