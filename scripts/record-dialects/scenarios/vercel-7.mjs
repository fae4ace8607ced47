/** The AI SDK 7 with `@ai-sdk/otel`: the GenAI conventions, and an `invoke_agent` span around the calls. */
import { OpenTelemetry } from "@ai-sdk/otel";
import { registerTelemetry } from "ai";
import { startTracing } from "./setup.mjs";
import { callVercel } from "./vercel-calls.mjs";

const provider = startTracing();
registerTelemetry(new OpenTelemetry({ usage: true }));
await callVercel({ telemetry: { functionId: "planner" } });
await provider.shutdown();
