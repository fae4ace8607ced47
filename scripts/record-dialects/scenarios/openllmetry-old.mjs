/** An older Traceloop's SDK (OpenLLMetry), which says `llm.*`, around `openai` and `@anthropic-ai/sdk`, with a workflow, an agent, a tool and association properties. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import * as traceloop from "@traceloop/node-server-sdk";
import { callAnthropic, callOpenai, require } from "./calls.mjs";

const openai = require("openai");
const anthropic = require("@anthropic-ai/sdk");
traceloop.initialize({
  appName: process.env.OTEL_SERVICE_NAME,
  disableBatch: true,
  exporter: new OTLPTraceExporter({ url: `${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces` }),
  instrumentModules: { openAI: openai.OpenAI, anthropic },
  silenceInitializationMessage: true,
  traceloopSyncEnabled: false,
  tracingEnabled: true,
});

await traceloop.withAssociationProperties({ session_id: "session-7", user_id: "user-9" }, () =>
  traceloop.withWorkflow({ name: "trip" }, () =>
    traceloop.withAgent({ name: "planner" }, async () => {
      await callOpenai(new openai.OpenAI(), { responses: false });
      await callAnthropic(new anthropic.Anthropic());
      await traceloop.withTool({ name: "order_lookup" }, async () => "shipped");
    }),
  ),
);
await traceloop.forceFlush();
