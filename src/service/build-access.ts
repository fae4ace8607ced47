import { Access } from "../api/access.ts";
import type { Governance } from "../config/governance/governance.ts";
import { AgentRegistry } from "../policy/registry.ts";
import type { Config } from "./config-schema.ts";

/** Who may come in. `token` is the data directory's, unless config has one of its own. */
export function buildAccess(config: Config, token: string): Access {
  return new Access({
    agentKeys: config.auth?.agents.map(({ agents, key }) => ({ agents, key: key.reveal() })),
    peopleToken: config.auth?.people_token?.reveal() ?? token,
  });
}

export function buildRegistry(governance: Governance, config: Config): AgentRegistry {
  const { require_policy: requirePolicy } = config.governance;
  return new AgentRegistry({
    ...governance,
    requirePolicy,
    fingerprint: `${requirePolicy}\n${governance.fingerprint}`,
  });
}
