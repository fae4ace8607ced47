/** The AI SDK 5 with `experimental_telemetry`: `ai.*` attributes, aggregates on the outer spans. */
import { startTracing } from "./setup.mjs";
import { callVercel } from "./vercel-calls.mjs";

const provider = startTracing();
await callVercel({
  experimental_telemetry: {
    isEnabled: true,
    functionId: "planner",
    metadata: { sessionId: "session-7", userId: "user-9" },
  },
});
await provider.shutdown();
