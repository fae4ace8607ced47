/** OpenTelemetry's instrumentation of the AWS SDK, around Bedrock. */
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { AwsInstrumentation } from "@opentelemetry/instrumentation-aws-sdk";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
registerInstrumentations({ instrumentations: [new AwsInstrumentation()], tracerProvider: provider });
const { bedrockClient, callBedrock } = await import("./bedrock-calls.mjs");
await callBedrock(bedrockClient());
await provider.shutdown();
