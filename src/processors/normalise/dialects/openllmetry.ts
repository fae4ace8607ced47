/**
 * Traceloop OpenLLMetry: `traceloop.*` on workflows, agents, tasks and tools, `llm.*` on older model calls; newer ones
 * use the GenAI conventions. https://www.traceloop.com/docs/openllmetry/contributing/semantic-conventions
 */
import { Operation } from "@tollgate/instrumentation/semconv";
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { Dialect } from "../dialect.ts";

const KINDS: ReadonlyMap<string, string> = new Map([
  ["tool", Operation.executeTool],
  ["agent", Operation.invokeAgent],
  ["workflow", Operation.invokeWorkflow],
]);

const REQUEST_TYPES: ReadonlyMap<string, string> = new Map([
  ["chat", Operation.chat],
  ["completion", Operation.textCompletion],
  ["embedding", Operation.embeddings],
]);

export const openllmetry: Dialect = {
  name: "OpenLLMetry",
  prefixes: ["traceloop.", "llm."],
  read({ attributes }) {
    const text = (key: string): string => textAttribute(attributes, key);
    const kind = text("traceloop.span.kind");
    const entity = text("traceloop.entity.name");
    return {
      operation: REQUEST_TYPES.get(text("llm.request.type")) ?? KINDS.get(kind),
      provider: text("llm.vendor"),
      requestModel: text("llm.request.model"),
      responseModel: text("llm.response.model"),
      tool: kind === "tool" ? entity : "",
      agent: kind === "agent" ? entity : "",
      workflow: text("traceloop.workflow.name"),
      session: text("traceloop.association.properties.session_id"),
      user: text("traceloop.association.properties.user_id"),
      inputTokens: attributes.get("llm.usage.prompt_tokens"),
      outputTokens: attributes.get("llm.usage.completion_tokens"),
      cacheReadTokens: attributes.get("llm.usage.cache_read_input_tokens"),
      cacheWriteTokens: attributes.get("llm.usage.cache_creation_input_tokens"),
      reasoningTokens: attributes.get("llm.usage.reasoning_tokens"),
      reportedUsd: attributes.get("llm.usage.total_cost"),
    };
  },
};
