/** LangSmith's wrapper of `openai` and its traceable functions, as spans of OpenTelemetry. */
import { initializeOTEL } from "langsmith/experimental/otel/setup";
import { RunTree } from "langsmith/run_trees";
import { traceable } from "langsmith/traceable";
import { wrapOpenAI } from "langsmith/wrappers";
import { callOpenai, require } from "./calls.mjs";
import { startTracing } from "./setup.mjs";

const provider = startTracing();
initializeOTEL({ globalTracerProvider: provider, skipGlobalContextManagerSetup: true });
const { OpenAI } = require("openai");

const planner = traceable(
  async () => {
    await traceable(async (order) => `${order} is shipped`, { name: "order_lookup", run_type: "tool" })("A-17");
    await callOpenai(wrapOpenAI(new OpenAI()));
  },
  { name: "planner", run_type: "chain", metadata: { session_id: "session-7" } },
);
await planner();
await RunTree.getSharedClient().awaitPendingTraceBatches();
await provider.forceFlush();
await provider.shutdown();
