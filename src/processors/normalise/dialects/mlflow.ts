/**
 * MLflow tracing, `mlflow.*`: every value is JSON, texts with their quotes.
 * https://mlflow.org/docs/latest/genai/tracing/ (span types, token usage and cost)
 */
import { Operation } from "@tollgate/instrumentation/semconv";
import type { Dialect } from "../dialect.ts";
import { jsonAttribute, jsonText, numberMember } from "../json-attribute.ts";

const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["CHAT_MODEL", Operation.chat],
  ["LLM", Operation.chat],
  ["EMBEDDING", Operation.embeddings],
  ["TOOL", Operation.executeTool],
  ["AGENT", Operation.invokeAgent],
  ["CHAIN", Operation.invokeWorkflow],
  ["WORKFLOW", Operation.invokeWorkflow],
]);

export const mlflow: Dialect = {
  name: "MLflow",
  prefixes: ["mlflow."],
  read({ name, attributes }) {
    const type = jsonText(attributes, "mlflow.spanType");
    const usage = jsonAttribute(attributes, "mlflow.chat.tokenUsage");
    const model = jsonText(attributes, "mlflow.llm.model");
    // A parameter of the call, as its other ones: with OpenAI's SDK, MLflow's own name is that of the model which answered.
    const asked = jsonText(attributes, "model");
    return {
      operation: OPERATIONS.get(type),
      provider: jsonText(attributes, "mlflow.llm.provider"),
      requestModel: asked || model,
      responseModel: asked === "" ? "" : model,
      tool: type === "TOOL" ? name : "",
      agent: type === "AGENT" ? name : "",
      session: jsonText(attributes, "mlflow.trace.session"),
      user: jsonText(attributes, "mlflow.trace.user"),
      inputTokens: numberMember(usage, "input_tokens"),
      outputTokens: numberMember(usage, "output_tokens"),
      totalTokens: numberMember(usage, "total_tokens"),
      cacheReadTokens: numberMember(usage, "cache_read_input_tokens"),
      cacheWriteTokens: numberMember(usage, "cache_creation_input_tokens"),
      reportedUsd: numberMember(jsonAttribute(attributes, "mlflow.llm.cost"), "total_cost"),
    };
  },
};
