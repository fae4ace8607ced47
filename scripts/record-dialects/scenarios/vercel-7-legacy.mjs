/** The AI SDK 7 with the attributes of earlier versions. */
import { LegacyOpenTelemetry } from "@ai-sdk/otel";
import { registerTelemetry } from "ai";
import { startTracing } from "./setup.mjs";
import { callVercel } from "./vercel-calls.mjs";

const provider = startTracing();
registerTelemetry(new LegacyOpenTelemetry());
await callVercel({ telemetry: { functionId: "planner" } });
await provider.shutdown();
