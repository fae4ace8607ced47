/** OpenInference's instrumentation of Bedrock. */
import { BedrockInstrumentation } from "@arizeai/openinference-instrumentation-bedrock";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
registerInstrumentations({ instrumentations: [new BedrockInstrumentation()], tracerProvider: provider });
const { bedrockClient, callBedrock } = await import("./bedrock-calls.mjs");
await callBedrock(bedrockClient());
await provider.shutdown();
