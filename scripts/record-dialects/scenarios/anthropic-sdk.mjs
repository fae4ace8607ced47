/** `@anthropic-ai/sdk` makes spans of its own when a tracer provider is set. */
import { callAnthropic, require } from "./calls.mjs";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
const { Anthropic } = require("@anthropic-ai/sdk");
await callAnthropic(new Anthropic());
await provider.shutdown();
