/**
 * Who asks. Agents come with the key that `auth.agents` binds to their names; without `auth`, on loopback, they may come
 * without one and are not verified. People come with the token printed at first start. Keys are compared by digest in
 * constant time, and never kept in clear here.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { compileGlob } from "@tollgate/instrumentation/policy";
import { ApiProblem } from "./problem.ts";

export interface AgentKey {
  /** Patterns of the names that the key is good for. */
  readonly agents: readonly string[];
  readonly key: string;
}

export interface AccessOptions {
  /** `undefined`: no `auth`; agents may come without a key. */
  readonly agentKeys: readonly AgentKey[] | undefined;
  readonly peopleToken: string;
}

/** An agent process as its credential shows it. `id` tells credentials apart; "" for none. */
export interface AgentCaller {
  readonly kind: "agent";
  readonly id: string;
  /** Whether the credential is bound to a name; `undefined`: no credential, any name, unverified. */
  readonly isBoundTo: ((agent: string) => boolean) | undefined;
}

interface KnownKey {
  readonly id: string;
  readonly digest: Buffer;
  readonly agents: readonly string[];
  readonly isBoundTo: (agent: string) => boolean;
}

/** There is one token for all people so far, so this is all that authentication shows of one. */
const PEOPLE = "people-token";

export class Access {
  readonly #keys: readonly KnownKey[] | undefined;
  readonly #people: Buffer;

  constructor(options: AccessOptions) {
    this.#keys = options.agentKeys?.map(({ key, agents }) => {
      const globs = agents.map((pattern) => compileGlob(pattern));
      const keyDigest = digest(key);
      const isBoundTo = (agent: string): boolean => globs.some((matches) => matches(agent));
      return { id: idOf(keyDigest), digest: keyDigest, agents, isBoundTo };
    });
    this.#people = digest(options.peopleToken);
  }

  /** Throws `unauthorized` when keys are required and this is none of them. */
  agent(authorization: string | undefined): AgentCaller {
    if (this.#keys === undefined) return { kind: "agent", id: "", isBoundTo: undefined };
    const token = bearer(authorization);
    if (token === undefined) throw new ApiProblem("unauthorized", "an agent's key is required: set TOLLGATE_API_KEY");
    const wanted = digest(token);
    const found = this.#keys.find((key) => timingSafeEqual(key.digest, wanted));
    if (found === undefined) throw new ApiProblem("unauthorized", "the agent's key is not known");
    return { kind: "agent", id: found.id, isBoundTo: found.isBoundTo };
  }

  /** Whether the credential with this id (`AgentCaller.id`) is bound to the name. */
  mayActAs(id: string, agent: string): boolean {
    return this.#keys?.some((key) => key.id === id && key.isBoundTo(agent)) ?? false;
  }

  /** The patterns of names that the credential with this id is bound to; none for one that is not known. */
  namesOf(id: string): readonly string[] {
    return this.#keys?.find((key) => key.id === id)?.agents ?? [];
  }

  /** The name that acts of this person are written down under. Throws `unauthorized` unless the people's token is given. */
  person(authorization: string | undefined): string {
    const token = bearer(authorization);
    if (token === undefined || !timingSafeEqual(digest(token), this.#people)) {
      throw new ApiProblem("unauthorized", "the people's token is required, as `Authorization: Bearer …`");
    }
    return PEOPLE;
  }
}

/** Throws `forbidden` when the caller's credential is bound to other names. True when it vouches for the name. */
export function vouchesFor(caller: AgentCaller, agent: string): boolean {
  if (caller.isBoundTo === undefined) return false;
  if (!caller.isBoundTo(agent)) throw new ApiProblem("forbidden", `the key is not bound to the agent \`${agent}\``);
  return true;
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
