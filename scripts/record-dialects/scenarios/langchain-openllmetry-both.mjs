/** One call told twice: OpenLLMetry's instrumentations around LangChain and of the `openai` beneath it. Of streams the latter tells no usage. */
import { registerInstrumentations } from "@opentelemetry/instrumentation";

import { LangChainInstrumentation } from "@traceloop/instrumentation-langchain";
import { OpenAIInstrumentation } from "@traceloop/instrumentation-openai";
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
await model({ useResponsesApi: true }).invoke("How long is the queue?");
await Promise.all([model().invoke("Once."), model().invoke("Once.")]);
await provider.shutdown();
