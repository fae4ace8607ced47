/** OpenLIT around `openai` and `@anthropic-ai/sdk`; session and user come by its helper for custom attributes. */
import { callAnthropic, callOpenai, require } from "./calls.mjs";

const { Openlit, usingAttributes } = require("openlit");
Openlit.init({
  applicationName: process.env.OTEL_SERVICE_NAME,
  otlpEndpoint: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
  disableBatch: true,
  disableMetrics: true,
  disableEvents: true,
  // Its own list would be fetched from the network.
  pricingJson: { chat: { "gpt-4o": { promptPrice: 0.0025, completionPrice: 0.01 } } },
});
const openai = require("openai");
const anthropic = require("@anthropic-ai/sdk");

await usingAttributes({ "session.id": "session-7", "user.id": "user-9" }, async () => {
  await callOpenai(new openai.OpenAI());
  await callAnthropic(new anthropic.Anthropic());
});
