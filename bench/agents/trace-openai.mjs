/**
 * Loaded before an agent: the instrumentation of `openai` that OTHER names, in OpenTelemetry's SDK for Node with all its defaults and without
 * content, as its README has it. Two of them look for older versions of the SDK by themselves; what they put into those is put into this one.
 */
import { createRequire } from "node:module";
import OpenAI, * as openai from "openai";
import { NodeSDK } from "@opentelemetry/sdk-node";

const require = createRequire(import.meta.url);

const OTHERS = {
  OpenTelemetry: () => {
    const { OpenAIInstrumentation } = require("@opentelemetry/instrumentation-openai");
    return start(new OpenAIInstrumentation())
      .init()[0]
      .patch({ ...openai, OpenAI }, "6.0.0");
  },
  OpenLLMetry: () => {
    const { OpenAIInstrumentation } = require("@traceloop/instrumentation-openai");
    start(new OpenAIInstrumentation({ traceContent: false })).manuallyInstrument(OpenAI);
  },
  OpenInference: () => {
    const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
    const traceConfig = { hideInputs: true, hideOutputs: true };
    start(new OpenAIInstrumentation({ traceConfig })).manuallyInstrument(OpenAI);
  },
};

function start(instrumentation) {
  const sdk = new NodeSDK({ instrumentations: [instrumentation] });
  sdk.start();
  process.once("SIGTERM", () => void sdk.shutdown().finally(() => process.exit(0)));
  return instrumentation;
}

OTHERS[process.env.OTHER]();
