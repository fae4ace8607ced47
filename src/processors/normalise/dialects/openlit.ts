/**
 * Those that speak the GenAI conventions and add a cost of their own: OpenLIT and Sentry (https://docs.openlit.io/latest/sdk/configuration,
 * https://docs.sentry.io/platforms/javascript/tracing/instrumentation/ai-agents-module/), LiteLLM (`gen_ai.cost.*`, `litellm.cost.*`,
 * https://docs.litellm.ai/docs/observability/opentelemetry_integration) and Pydantic AI (`operation.cost`, https://ai.pydantic.dev/logfire/).
 */
import type { Dialect } from "../dialect.ts";

const COSTS = [
  "gen_ai.usage.cost",
  "gen_ai.usage.cost_usd",
  "gen_ai.usage.total_cost",
  "gen_ai.cost.total_cost",
  "litellm.cost.total",
  "operation.cost",
  "llm.usage.cost",
] as const;

export const openlit: Dialect = {
  name: "OpenLIT",
  prefixes: COSTS,
  read({ attributes }) {
    const key = COSTS.find((each) => attributes.has(each));
    return key === undefined ? {} : { reportedUsd: attributes.get(key) };
  },
};
