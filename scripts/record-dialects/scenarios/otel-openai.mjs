/** OpenTelemetry's own instrumentation of `openai`: the conventions as of its version. */
import { OpenAIInstrumentation } from "@opentelemetry/instrumentation-openai";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { callOpenai, require } from "./calls.mjs";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
registerInstrumentations({ instrumentations: [new OpenAIInstrumentation()], tracerProvider: provider });
const { OpenAI } = require("openai");
await callOpenai(new OpenAI());
await provider.shutdown();
