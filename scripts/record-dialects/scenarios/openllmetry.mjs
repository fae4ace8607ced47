/** Traceloop's SDK (OpenLLMetry) around `openai` and `@anthropic-ai/sdk`, with a workflow, an agent, a tool and association properties. */
import * as traceloop from "@traceloop/node-server-sdk";
import { callAnthropic, callOpenai, require } from "./calls.mjs";
import { newExporter } from "./setup.mjs";

const openai = require("openai");
const anthropic = require("@anthropic-ai/sdk");
traceloop.initialize({
  appName: process.env.OTEL_SERVICE_NAME,
  disableBatch: true,
  exporter: newExporter(),
  instrumentModules: { openAI: openai.OpenAI, anthropic },
  silenceInitializationMessage: true,
  traceloopSyncEnabled: false,
});

await traceloop.withAssociationProperties({ session_id: "session-7", user_id: "user-9" }, () =>
  traceloop.withWorkflow({ name: "trip" }, () =>
    traceloop.withAgent({ name: "planner" }, async () => {
      await callOpenai(new openai.OpenAI());
      await callAnthropic(new anthropic.Anthropic());
      await traceloop.withTool({ name: "order_lookup" }, async () => "shipped");
    }),
  ),
);
await traceloop.forceFlush();
