/**
 * People by the tokens of an OpenID provider. A token counts when the provider signed it (by the keys it publishes), for this
 * audience, and it has not expired; its name and role come from its claims, the role by what config says of groups. A token
 * whose groups mean nothing here is nobody's. Sources: https://openid.net/specs/openid-connect-discovery-1_0.html, RFC 9068.
 */
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import { TENANT_NAME } from "../support/tenant.ts";
import { type Person, type Role, ROLES } from "./roles.ts";

export interface OidcOptions {
  /** As in the token's `iss`; its `/.well-known/openid-configuration` says where the keys are. */
  readonly issuer: string;
  readonly audience: string;
  /** The claim that names the person. */
  readonly nameClaim: string;
  /** The claim with the person's groups: a text or a list; a path with dots. */
  readonly rolesClaim: string;
  /** The claim with the person's tenant; who has none is nobody then. A path with dots. @default people are of no tenant */
  readonly tenantClaim?: string;
  /** Which group is which role; of several the highest counts. */
  readonly roles: Readonly<Record<string, Role>>;
  readonly onFailure: (reason: string) => void;
}

/** Asymmetric ones only: with the others, the provider's public key would be a secret that everybody knows. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const CLOCK_TOLERANCE_SECONDS = 30;
const TIMEOUT_MS = 5_000;
const DISCOVERY_RETRY_MS = 5_000;
const NAME_MAX = 128;

type Keys = ReturnType<typeof createRemoteJWKSet>;

/** Whose token it is; `undefined` for one that counts for nothing. Never rejects. */
export function oidcVerifier(options: OidcOptions): (token: string) => Promise<Person | undefined> {
  let keys: Promise<Keys> | undefined;
  const find = (): Promise<Keys> => {
    keys ??= discover(options.issuer).catch((error: unknown) => {
      // Asked again a little later, not with every request that comes while the provider is away.
      setTimeout(() => (keys = undefined), DISCOVERY_RETRY_MS).unref();
      throw error;
    });
    return keys;
  };
  return async (token) => {
    // What is no JWT is no provider's token: nobody has to be asked.
    if (token.split(".").length !== 3) return undefined;
    try {
      const { issuer, audience } = options;
      const { payload } = await jwtVerify(token, await find(), {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ["exp", "sub"],
      });
      return personOf(payload, options);
    } catch (error) {
      // A bad token is the caller's fault and is answered; a provider that cannot be asked is ours to say.
      if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout) options.onFailure(String(error));
      return undefined;
    }
  };
}

async function discover(issuer: string): Promise<Keys> {
  const url = `${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const found = (await response.json()) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  if (found.issuer !== issuer) throw new Error(`${url} is of another issuer: ${String(found.issuer)}`);
  return createRemoteJWKSet(new URL(String(found.jwks_uri)), { timeoutDuration: TIMEOUT_MS });
}

function personOf(payload: JWTPayload, { nameClaim, rolesClaim, tenantClaim, roles }: OidcOptions): Person | undefined {
  const name = payload[nameClaim];
  if (typeof name !== "string" || name === "" || name.length > NAME_MAX) return undefined;
  // An address that the provider did not check is what somebody typed.
  if (nameClaim === "email" && payload["email_verified"] !== true) return undefined;
  const held = groupsIn(payload, rolesClaim).flatMap((group) => (Object.hasOwn(roles, group) ? [roles[group]] : []));
  const role = ROLES.toReversed().find((each) => held.includes(each));
  if (role === undefined) return undefined;
  if (tenantClaim === undefined) return { name, role };
  const [tenant, ...others] = groupsIn(payload, tenantClaim);
  // Who is of two, or of a name that could mean more than one, is of none.
  return tenant === undefined || others.length > 0 || !TENANT_NAME.test(tenant) ? undefined : { name, role, tenant };
}

function groupsIn(payload: JWTPayload, path: string): readonly string[] {
  let value: unknown = payload;
  // A name with dots in it (`https://example.com/roles`) is one name.
  for (const part of Object.hasOwn(payload, path) ? [path] : path.split(".")) {
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, part) ? Reflect.get(value, part) : undefined;
  }
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.filter((group) => typeof group === "string");
}
