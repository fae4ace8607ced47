import type { Config } from "../config/config.ts";
import type { Who } from "../gate/call-span.ts";
import { ANCESTORS_LABEL, ancestorsText } from "../policy/agent-chain.ts";
import type { HelloReply } from "../protocol.ts";
import { contextLabels, currentContext, currentlyCarried } from "./context.ts";

/** Who makes a call, here and now. The registry wins over the context, the context over the process's own claims. */
export function identify(config: Config, hello: HelloReply | undefined): Who {
  const carried = currentlyCarried(config.context);
  const own = currentContext();
  const { session = own.session, workflow = own.workflow } = carried;
  const claimed = config.labels;
  const labels: Record<string, string> = { ...claimed, agent: config.agent, ...contextLabels(own) };
  if (session !== undefined) labels["session"] = session;
  if (workflow !== undefined) labels["workflow"] = workflow;
  for (const [key, value] of Object.entries(hello?.labels ?? {})) {
    const isOwnClaim = value === (key === "agent" ? config.agent : claimed[key]);
    if (!isOwnClaim) labels[key] = value;
  }
  const agent = labels["agent"] ?? config.agent;
  const ancestors = carried.agents.filter((name) => name !== agent);
  const parentAgent = own.parentAgent ?? ancestors.at(-1);
  const text = ancestorsText(ancestors);
  if (text !== "") labels[ANCESTORS_LABEL] = text ?? "";
  if (parentAgent !== undefined) labels["parent_agent"] = parentAgent;
  const context = {
    ...own,
    ...(session === undefined ? {} : { session }),
    ...(workflow === undefined ? {} : { workflow }),
    ...(parentAgent === undefined ? {} : { parentAgent }),
    ...(text === undefined || text === "" ? {} : { labels: { ...own.labels, ...lineage(text, parentAgent) } }),
  };
  const who: Who = { agent, isVerified: hello?.agent_verified, labels, context };
  return text === undefined || carried.isTooDeep ? { ...who, problem: TOO_DEEP } : who;
}

/** As labels on the span too: spans that no lease covers are counted by them. */
function lineage(ancestors: string, parentAgent: string | undefined): Readonly<Record<string, string>> {
  return { [ANCESTORS_LABEL]: ancestors, ...(parentAgent === undefined ? {} : { parent_agent: parentAgent }) };
}

const TOO_DEEP =
  "agents: the chain of agents that started each other has more than 16 names or more than 512 characters; not all their budgets could be held";
