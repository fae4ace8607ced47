/**
 * Who asks. Agents come with the key that `auth.agents` binds to their names, or with one that was issued to them; without
 * `auth`, on loopback, they may come without one and are not verified, under no name that a key was issued for, however it is spelt, and
 * none below one: those are that agent's to hand on. People come
 * with the token printed at first start (role admin), one that was issued to them, or one of the OIDC provider. Keys are
 * compared by digest in constant time, and never kept in clear here.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { compileGlob, foldCase } from "@tollgate/instrumentation/policy";
import { type Credential, type CredentialKeeper, isIssuedKey } from "../identity/credential-store.ts";
import { holdsRole, type Person, type Role } from "../identity/roles.ts";
import { ApiProblem } from "./problem.ts";

export interface AgentKey {
  /** Patterns of the names that the key is good for. */
  readonly agents: readonly string[];
  readonly key: string;
  /** Whose agents they are. @default of any tenant that no key is bound to */
  readonly tenant?: string;
}

export interface AccessOptions {
  /** `undefined`: no `auth`; agents may come without a key. */
  readonly agentKeys: readonly AgentKey[] | undefined;
  readonly peopleToken: string;
  /** Good for `/metrics` only. @default none is needed while there are no tenants */
  readonly metricsToken?: string | undefined;
  /** Whether anything here is of a tenant. @default nothing is */
  readonly hasTenants?: () => boolean;
  /** Credentials that were issued. @default none */
  readonly credentials?: Pick<CredentialKeeper, "find" | "byId" | "person" | "agentNames" | "agentTenants">;
  /** Who a token of the OIDC provider is of; `undefined` for one that is not valid. @default no provider */
  readonly oidc?: (token: string) => Promise<Person | undefined>;
}

/** An agent process as its credential shows it. `id` tells credentials apart; "" for none. */
export interface AgentCaller {
  readonly kind: "agent";
  readonly id: string;
  /** Whether the credential is bound to a name; `undefined`: no credential, any name, unverified. */
  readonly isBoundTo: ((agent: string) => boolean) | undefined;
  /** Of one without a credential: whose key it would take to bear the name; `undefined`: nobody's. */
  readonly keyHolder?: (agent: string) => string | undefined;
  /** The one tenant that the credential is bound to. */
  readonly tenant?: string;
  /** Whether a tenant has keys of its own: only they speak for it. */
  readonly isTenantTaken?: (tenant: string) => boolean;
}

interface KnownKey {
  readonly id: string;
  readonly digest: Buffer;
  readonly agents: readonly string[];
  readonly isBoundTo: (agent: string) => boolean;
  readonly tenant?: string;
}

/** Who comes with the token of the data directory: whoever may read that directory may do everything. */
const OWNER: Person = { name: "people-token", role: "admin" };

export class Access {
  readonly #keys: readonly KnownKey[] | undefined;
  readonly #people: Buffer;
  readonly #scraper: Buffer | undefined;
  readonly #hasTenants: () => boolean;
  readonly #credentials: AccessOptions["credentials"];
  readonly #oidc: AccessOptions["oidc"];
  readonly #anonymous: AgentCaller;

  constructor(options: AccessOptions) {
    this.#keys = options.agentKeys?.map(({ key, agents, tenant }) => {
      const globs = agents.map((pattern) => compileGlob(pattern));
      const keyDigest = digest(key);
      const isBoundTo = (agent: string): boolean => globs.some((matches) => matches(agent));
      return { id: idOf(keyDigest), digest: keyDigest, agents, isBoundTo, ...ofTenant(tenant) };
    });
    this.#people = digest(options.peopleToken);
    this.#scraper = options.metricsToken === undefined ? undefined : digest(options.metricsToken);
    this.#hasTenants = options.hasTenants ?? (() => false);
    this.#credentials = options.credentials;
    this.#oidc = options.oidc;
    const keyHolder = (agent: string): string | undefined => holderOf(agent, options.credentials?.agentNames ?? NOBODY);
    this.#anonymous = { kind: "agent", id: "", isBoundTo: undefined, keyHolder, isTenantTaken: this.isTenantTaken };
  }

  /** Whether a tenant has keys of its own: only they speak for it, and the agents whose document says so. */
  readonly isTenantTaken = (tenant: string): boolean =>
    this.#keys?.some((key) => key.tenant === tenant) === true || this.#credentials?.agentTenants.has(tenant) === true;

  /** Throws `unauthorized` when keys are required and this is none of them, and for a key that is no longer good. */
  agent(authorization: string | undefined): AgentCaller {
    const token = bearer(authorization);
    if (token === undefined) {
      if (this.#keys === undefined) return this.#anonymous;
      throw new ApiProblem("unauthorized", "an agent's key is required: set TOLLGATE_API_KEY");
    }
    const issued = this.#credentials?.find("agent", token);
    if (issued !== undefined) {
      const isBoundTo = (agent: string): boolean => agent === issued.name;
      return this.#caller({ id: issued.id, isBoundTo, ...ofTenant(issued.tenant) });
    }
    if (isIssuedKey(token))
      throw new ApiProblem("unauthorized", "the agent's key is not known here, has expired or was revoked");
    if (this.#keys === undefined) return this.#anonymous;
    const wanted = digest(token);
    const found = this.#keys.find((key) => timingSafeEqual(key.digest, wanted));
    if (found === undefined) throw new ApiProblem("unauthorized", "the agent's key is not known");
    return this.#caller(found);
  }

  #caller({ id, isBoundTo, tenant }: Pick<KnownKey, "id" | "isBoundTo" | "tenant">): AgentCaller {
    return { kind: "agent", id, isBoundTo, isTenantTaken: this.isTenantTaken, ...ofTenant(tenant) };
  }

  /** The issued credential behind a caller; `undefined` for a key of `auth.agents` and for none. */
  credentialOf({ id }: AgentCaller): Credential | undefined {
    return this.#credentials?.byId(id);
  }

  /** Whether the credential with this id (`AgentCaller.id`) is bound to the name. */
  mayActAs(id: string, agent: string): boolean {
    const issued = this.#credentials?.byId(id);
    if (issued !== undefined) return issued.name === agent;
    return this.#keys?.some((key) => key.id === id && key.isBoundTo(agent)) ?? false;
  }

  /** The tenant that the credential with this id is bound to. */
  tenantOf(id: string): string | undefined {
    const issued = this.#credentials?.byId(id);
    return issued === undefined ? this.#keys?.find((key) => key.id === id)?.tenant : issued.tenant;
  }

  /** The patterns of names that the credential with this id is bound to; none for one that is not known. */
  namesOf(id: string): readonly string[] {
    const issued = this.#credentials?.byId(id);
    if (issued !== undefined) return [issued.name];
    return this.#keys?.find((key) => key.id === id)?.agents ?? [];
  }

  /**
   * The person whose token this is. Throws `unauthorized` when it is nobody's, and `forbidden` for somebody whose role is
   * less than `needed`.
   */
  async person(authorization: string | undefined, needed: Role): Promise<Person> {
    const token = bearer(authorization);
    const person = token === undefined ? undefined : await this.#personOf(token);
    if (person === undefined) {
      throw new ApiProblem("unauthorized", "the token of a person is required, as `Authorization: Bearer …`");
    }
    if (!holdsRole(person.role, needed)) {
      throw new ApiProblem(
        "forbidden",
        `this needs the role \`${needed}\`, and \`${person.name}\` has \`${person.role}\``,
      );
    }
    return person;
  }

  /**
   * Who may read the figures of all tenants together: anybody while there are none and no token for it was set; else who comes with that
   * token, and people of no tenant. Throws `unauthorized` and `forbidden`.
   */
  async scraper(authorization: string | undefined): Promise<void> {
    if (this.#scraper === undefined && !this.#hasTenants()) return;
    const token = bearer(authorization);
    const isScraper = this.#scraper !== undefined && timingSafeEqual(digest(token ?? ""), this.#scraper);
    if (isScraper) return;
    const { tenant } = await this.person(authorization, "viewer");
    if (tenant !== undefined) throw new ApiProblem("forbidden", OF_ALL_TENANTS);
  }

  async #personOf(token: string): Promise<Person | undefined> {
    if (timingSafeEqual(digest(token), this.#people)) return OWNER;
    return this.#credentials?.person(token) ?? (await this.#oidc?.(token));
  }
}

/** What concerns all tenants is not for people of one. */
export const OF_ALL_TENANTS = "this concerns all tenants, and is for people of none";

/** Throws `forbidden` when the caller's credential is bound to other names. True when it vouches for the name. */
export function vouchesFor(caller: AgentCaller, agent: string): boolean {
  if (caller.isBoundTo === undefined) {
    const holder = caller.keyHolder?.(agent);
    if (holder === undefined) return false;
    const own = holder === foldCase(agent) ? "" : `, whose the name \`${agent}\` is to hand on`;
    throw new ApiProblem(
      "forbidden",
      `a key was issued to the agent \`${holder}\`${own}, and this caller has none: set TOLLGATE_API_KEY`,
    );
  }
  if (!caller.isBoundTo(agent)) throw new ApiProblem("forbidden", `the key is not bound to the agent \`${agent}\``);
  return true;
}

const NOBODY: ReadonlySet<string> = new Set();

/** The name, folded, of whom a key was issued to: the agent itself, or the nearest that it is below. */
function holderOf(agent: string, holders: ReadonlySet<string>): string | undefined {
  if (holders.size === 0) return undefined;
  let name = foldCase(agent);
  while (!holders.has(name)) {
    const slash = name.lastIndexOf("/");
    if (slash < 0) return undefined;
    name = name.slice(0, slash);
  }
  return name;
}

function ofTenant(tenant: string | undefined): { readonly tenant?: string } {
  return tenant === undefined ? {} : { tenant };
}

function idOf(keyDigest: Buffer): string {
  return keyDigest.toString("hex").slice(0, 16);
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
