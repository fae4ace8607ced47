/** Elastic's instrumentation of `openai`: an older draft of the conventions (`gen_ai.system`). */
import { OpenAIInstrumentation } from "@elastic/opentelemetry-instrumentation-openai";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { callOpenai, require } from "./calls.mjs";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
registerInstrumentations({ instrumentations: [new OpenAIInstrumentation()], tracerProvider: provider });
const { OpenAI } = require("openai");
await callOpenai(new OpenAI(), { responses: false });
await provider.shutdown();
