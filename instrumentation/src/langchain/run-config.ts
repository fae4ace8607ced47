/** What of LangChain's RunnableConfig the gate reads. */
import { asBody, asText } from "../gate/endpoint.ts";

/** LangGraph's thread: the conversation that a run belongs to. */
export function threadOf(config: unknown): string | undefined {
  const { configurable, metadata } = asBody(config) ?? {};
  return asText(asBody(configurable)?.["thread_id"]) ?? asText(asBody(metadata)?.["thread_id"]);
}
