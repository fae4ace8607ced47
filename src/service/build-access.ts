import { Access } from "../api/access.ts";
import type { Governance } from "../config/governance/governance.ts";
import type { CredentialKeeper } from "../identity/credential-store.ts";
import { oidcVerifier } from "../identity/oidc.ts";
import { AgentRegistry, type RegistryContent } from "../policy/registry.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Config } from "./config-schema.ts";

interface AccessBuild {
  readonly token: string;
  readonly registry: Pick<AgentRegistry, "agents">;
  readonly credentials: CredentialKeeper;
  readonly telemetry: Telemetry;
}

/** Who may come in. `token` is the data directory's, unless config has one of its own. */
export function buildAccess(config: Config, options: AccessBuild): Access {
  return new Access({
    credentials: options.credentials,
    ...(config.auth?.oidc === undefined ? {} : { oidc: oidcOf(config.auth.oidc, options.telemetry) }),
    agentKeys: config.auth?.agents.map(({ agents, key, tenant }) => ({
      agents,
      key: key.reveal(),
      ...(tenant === undefined ? {} : { tenant }),
    })),
    metricsToken: config.auth?.metrics_token?.reveal(),
    hasTenants: () => namesTenants(config, options),
    peopleToken: config.auth?.people_token?.reveal() ?? options.token,
  });
}

function oidcOf(
  oidc: NonNullable<NonNullable<Config["auth"]>["oidc"]>,
  telemetry: Telemetry,
): ReturnType<typeof oidcVerifier> {
  const { issuer, audience, name_claim: nameClaim, roles_claim: rolesClaim, tenant_claim: tenantClaim, roles } = oidc;
  const onFailure = (reason: string): void => telemetry.emit("oidc_unavailable", { issuer, reason });
  const tenant = tenantClaim === undefined ? {} : { tenantClaim };
  return oidcVerifier({ issuer, audience, nameClaim, rolesClaim, ...tenant, roles, onFailure });
}

/** Whether an agent, a key or a person is of a tenant by now. */
export function namesTenants(config: Config, of: Pick<AccessBuild, "registry" | "credentials">): boolean {
  const { auth } = config;
  const { agents } = of.registry;
  return (
    auth?.oidc?.tenant_claim !== undefined ||
    [...(auth?.agents ?? []), ...agents, ...of.credentials.list("person")].some(({ tenant }) => tenant !== undefined) ||
    of.credentials.agentTenants.size > 0
  );
}

export function buildRegistry(governance: Governance, config: Config): AgentRegistry {
  return new AgentRegistry(registryContent(governance, config));
}

export function registryContent(governance: Governance, config: Config): RegistryContent {
  const { require_policy: requirePolicy, unknown_egress: unknownEgress } = config.governance;
  const fingerprint = `${requirePolicy} ${unknownEgress}\n${governance.fingerprint}`;
  return { ...governance, requirePolicy, unknownEgress, fingerprint };
}
