/** One call told twice, whole and streamed: OpenLLMetry around LangChain, and OpenTelemetry's instrumentation of the `openai` beneath it. */
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { OpenAIInstrumentation } from "@opentelemetry/instrumentation-openai";
import { LangChainInstrumentation } from "@traceloop/instrumentation-langchain";
import { require } from "./calls.mjs";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
registerInstrumentations({ instrumentations: [new OpenAIInstrumentation()], tracerProvider: provider });
const instrumentation = new LangChainInstrumentation();
instrumentation.manuallyInstrument({ callbackManagerModule: require("@langchain/core/callbacks/manager") });
const { ChatOpenAI } = require("@langchain/openai");

const model = (more = {}) =>
  new ChatOpenAI({ model: "gpt-4o", configuration: { baseURL: process.env.OPENAI_BASE_URL }, maxRetries: 0, ...more });
await model().invoke("How much is the toll?");
for await (const _chunk of await model().stream("Tell me of the gate."));
await model({ useResponsesApi: true }).invoke("How long is the queue?");
for await (const _chunk of await model({ useResponsesApi: true }).stream("Tell me of the queue."));
await Promise.all([model().invoke("Once."), model().invoke("Once.")]);
await provider.shutdown();
