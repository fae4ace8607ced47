/** `GET /v1/policies`: the policies in force, as gates get them. */
import { compilePolicy, parsePolicy } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import { labelOrderOf } from "../policy/decider.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import type { Tenancy } from "./tenancy.ts";

const policyRow = z.object({
  name: z.string(),
  version: z.string().describe("The document's own, or a digest of it: what spans say in `tollgate.policy.version`."),
  agents: z.array(z.string()).describe("Globs; none: every agent."),
  enforced: z.boolean().describe("False in shadow mode: its decisions are told and not carried out."),
  document: z.record(z.string(), z.unknown()),
});

export function policiesRoute({
  registry,
  tenancy,
}: {
  readonly registry: AgentRegistry;
  readonly tenancy: Tenancy;
}): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/policies",
    summary: "The policies in force",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: z.object({
      policies: z.array(policyRow),
      require_policy: z.boolean().describe("Whether an agent without a policy is refused its tools."),
    }),
    problems: [],
    handle: ({ tenant }) => {
      const labels = labelOrderOf(registry);
      return Promise.resolve({
        policies: registry.bindings.flatMap((binding) => {
          const parsed = parsePolicy(binding.document, { labels });
          if (!parsed.ok || !tenancy.seesPolicy(tenant, binding)) return [];
          const { name, agents, enforce } = parsed.policy;
          const { version } = compilePolicy(parsed.policy, { labels });
          return [{ name, version, agents: [...agents], enforced: enforce, document: { ...parsed.policy } }];
        }),
        require_policy: registry.requirePolicy,
      });
    },
  });
}
