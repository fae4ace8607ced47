/**
 * Credentials that the processor issued: tokens of people, keys of agents. Promise: a secret is shown once, when it is
 * issued, and is not kept: the file holds its SHA-256 (secrets are 24 random bytes, so there is nothing to guess or to salt).
 * What `issue`, `rotate` and `revoke` have answered is on disk. A damaged file keeps the processor from starting: taken for
 * empty, it would bring nobody back, but a restored older one could bring back who was revoked, and nobody would see it.
 */
import { createHash, randomBytes } from "node:crypto";
import { foldCase } from "@tollgate/instrumentation/policy";
import type { Clock } from "../support/clock.ts";
import { readSealed, writeSealed } from "../support/sealed-file.ts";
import { NO_MARK, type TableMark } from "../support/shared-table.ts";
import type { Person, Role } from "./roles.ts";

export const CREDENTIALS_MAX = 10_000;
const SECRET_BYTES = 24;
const PREFIX = { person: "tgp_", agent: "tga_" } as const;

/** A credential without its secret. */
export interface Credential {
  readonly id: string;
  readonly kind: "person" | "agent";
  /** Of the person or the agent. */
  readonly name: string;
  /** Of a person. */
  readonly role?: Role;
  /** Of a person that sees and touches one tenant only; of an agent that acts for one tenant only. */
  readonly tenant?: string;
  /** SHA-256 of the secret in hex. */
  readonly digest: string;
  readonly issuedAtMs: number;
  readonly issuedBy: string;
  /** Absent: it does not end by itself. */
  readonly expiresAtMs?: number;
  /** Of an agent's key that another agent's key was delegated from: it ends with it. */
  readonly parent?: string;
  /** Rises by one with each change. @default 1 */
  readonly revision?: number;
  /** Kept for a while, so that no copy brings it back. */
  readonly revokedAtMs?: number;
}

export type NewCredential = { readonly issuedBy: string; readonly forMs?: number } & (
  | { readonly kind: "person"; readonly name: string; readonly role: Role; readonly tenant?: string }
  | { readonly kind: "agent"; readonly name: string; readonly parent?: string; readonly tenant?: string }
);

/** What is given out once. */
export interface Issued {
  readonly credential: Credential;
  readonly secret: string;
}

export class CredentialStoreError extends Error {
  override readonly name = "CredentialStoreError";
}

/** Where credentials are kept: in this processor's file, or shared by all of a fleet (shared-credentials.ts). */
export interface CredentialKeeper {
  /** All that are valid now, oldest first. */
  list(kind: Credential["kind"]): readonly Credential[];
  /** Whose secret this is; `undefined` for one that was never issued, has expired or is revoked. */
  find(kind: Credential["kind"], secret: string): Credential | undefined;
  person(secret: string): Person | undefined;
  /** Names, folded, that a key was ever issued for, as far as that is known: who lost the key is not heard without one. */
  readonly agentNames: ReadonlySet<string>;
  /** Tenants that a key of an agent was ever bound to, as far as that is known. */
  readonly agentTenants: ReadonlySet<string>;
  /** Calls back whenever another credential counts, or one less. One may listen. */
  watch(onChange: () => void): void;
  byId(id: string): Credential | undefined;
  /** Throws `CredentialStoreError` when it cannot be kept, or when there are too many. */
  issue(wanted: NewCredential): Issued | Promise<Issued>;
  /** A new secret for the same name; the old one stays good for `overlapMs`. `undefined`: there is no such credential. */
  rotate(id: string, options: RotateOptions): Issued | undefined | Promise<Issued | undefined>;
  /** Ends it at once, with all that was delegated from it. `undefined`: there is no such credential. */
  revoke(id: string): Credential | undefined | Promise<Credential | undefined>;
}

export interface RotateOptions {
  readonly by: string;
  readonly overlapMs: number;
}

/** What a rotation changes: the new one, the old one as it ends, and what was delegated from it. */
export interface Rotation {
  readonly issued: Issued;
  readonly changed: readonly Credential[];
}

export class CredentialStore implements CredentialKeeper {
  readonly #file: string;
  readonly #clock: Clock;
  #byDigest: ReadonlyMap<string, Credential> = new Map();
  #agentNames: ReadonlySet<string> = new Set();
  #agentTenants: ReadonlySet<string> = new Set();
  #mark = NO_MARK;
  #onChange: () => void = () => {};

  constructor(options: { readonly file: string; readonly clock: Clock }) {
    this.#file = options.file;
    this.#clock = options.clock;
  }

  /** Throws `SealedFileError` when the file is there and can't be trusted. */
  load(): void {
    const stored = readSealed(this.#file) as Stored | undefined;
    this.#hold(stored?.credentials ?? []);
    this.#mark = stored?.mark ?? NO_MARK;
  }

  /** All that is kept, whether it is good or not, and how far the fleet's table was read for it. */
  get record(): { readonly credentials: readonly Credential[]; readonly mark: TableMark } {
    return { credentials: [...this.#byDigest.values()], mark: this.#mark };
  }

  /** Puts what the fleet knows in the place of what is here. A disk that refuses it costs nothing: the fleet has it. */
  replace(credentials: readonly Credential[], mark: TableMark): void {
    this.#hold(credentials);
    this.#mark = mark;
    try {
      writeSealed(this.#file, { credentials, mark } satisfies Stored);
    } catch {
      // The next change writes it.
    }
  }

  get agentNames(): ReadonlySet<string> {
    return this.#agentNames;
  }

  get agentTenants(): ReadonlySet<string> {
    return this.#agentTenants;
  }

  watch(onChange: () => void): void {
    this.#onChange = onChange;
  }

  list(kind: Credential["kind"]): readonly Credential[] {
    return [...this.#byDigest.values()].filter((credential) => credential.kind === kind && this.#isValid(credential));
  }

  find(kind: Credential["kind"], secret: string): Credential | undefined {
    const credential = this.#byDigest.get(digestOf(secret));
    return credential?.kind === kind && this.#isValid(credential) ? credential : undefined;
  }

  person(secret: string): Person | undefined {
    const credential = this.find("person", secret);
    if (credential?.role === undefined) return undefined;
    const { name, role, tenant } = credential;
    return { name, role, ...(tenant === undefined ? {} : { tenant }) };
  }

  byId(id: string): Credential | undefined {
    for (const credential of this.#byDigest.values()) {
      if (credential.id === id && this.#isValid(credential)) return credential;
    }
    return undefined;
  }

  issue(wanted: NewCredential): Issued {
    const issued = this.make(wanted);
    this.#put([...this.#kept(), issued.credential]);
    return issued;
  }

  /** One that is not kept yet. Throws `CredentialStoreError` when there are too many. */
  make(wanted: NewCredential): Issued {
    if (this.#byDigest.size >= CREDENTIALS_MAX) throw new CredentialStoreError("there are too many credentials");
    const { forMs, ...rest } = wanted;
    const secret = `${PREFIX[wanted.kind]}${randomBytes(SECRET_BYTES).toString("base64url")}`;
    const now = this.#clock.now();
    const credential: Credential = {
      id: `cred_${randomBytes(8).toString("hex")}`,
      ...rest,
      digest: digestOf(secret),
      issuedAtMs: now,
      ...(forMs === undefined ? {} : { expiresAtMs: now + forMs }),
    };
    return { credential, secret };
  }

  rotate(id: string, options: RotateOptions): Issued | undefined {
    const rotation = this.rotation(id, options);
    if (rotation === undefined) return undefined;
    const changed = new Map(rotation.changed.map((credential) => [credential.id, credential]));
    const kept = this.#kept().map((credential) => changed.get(credential.id) ?? credential);
    this.#put([...kept, rotation.issued.credential]);
    return rotation.issued;
  }

  /** What rotating makes, not kept yet. */
  rotation(id: string, { by, overlapMs }: RotateOptions): Rotation | undefined {
    const old = this.byId(id);
    if (old === undefined) return undefined;
    const leftMs = old.expiresAtMs === undefined ? undefined : old.expiresAtMs - this.#clock.now();
    const { kind, name, role, tenant, parent } = old;
    const shared = {
      issuedBy: by,
      ...(leftMs === undefined ? {} : { forMs: leftMs }),
      ...(tenant === undefined ? {} : { tenant }),
    };
    const issued =
      kind === "agent"
        ? this.make({ ...shared, kind, name, ...(parent === undefined ? {} : { parent }) })
        : this.make({ ...shared, kind, name, role: role ?? "viewer" });
    const endsAtMs = this.#clock.now() + overlapMs;
    const ending = { ...changedOf(old), expiresAtMs: Math.min(old.expiresAtMs ?? endsAtMs, endsAtMs) };
    const children = this.#valid()
      .filter((credential) => credential.parent === id)
      .map((credential) => ({ ...changedOf(credential), parent: issued.credential.id }));
    return { issued, changed: [...children, ending] };
  }

  revoke(id: string): Credential | undefined {
    const revoked = this.byId(id);
    if (revoked === undefined) return undefined;
    const gone = new Set([id]);
    // Ones that were delegated are issued later than what they come from.
    for (const { id: own, parent } of this.#valid()) if (parent !== undefined && gone.has(parent)) gone.add(own);
    const left = this.#kept().filter((credential) => !gone.has(credential.id));
    this.#put(takesName(revoked) ? [...left, { ...changedOf(revoked), revokedAtMs: this.#clock.now() }] : left);
    return revoked;
  }

  /** All that are valid, and one that has ended for each agent that has no other: its name stays taken. */
  #kept(): readonly Credential[] {
    const valid = this.#valid();
    const named = new Map<string, Credential>();
    for (const credential of this.#byDigest.values()) if (takesName(credential)) named.set(credential.name, credential);
    for (const credential of valid) if (takesName(credential)) named.delete(credential.name);
    return [...named.values(), ...valid];
  }

  #valid(): readonly Credential[] {
    return [...this.#byDigest.values()].filter((credential) => this.#isValid(credential));
  }

  /** By the processor's clock; one that was delegated ends with the one it comes from. */
  #isValid({ expiresAtMs, parent, revokedAtMs }: Credential): boolean {
    if (revokedAtMs !== undefined) return false;
    if (expiresAtMs !== undefined && this.#clock.now() >= expiresAtMs) return false;
    return parent === undefined || this.byId(parent) !== undefined;
  }

  #put(credentials: readonly Credential[]): void {
    try {
      writeSealed(this.#file, { credentials, mark: this.#mark } satisfies Stored);
    } catch (error) {
      throw new CredentialStoreError(`nothing was changed, because it cannot be stored: ${String(error)}`, {
        cause: error,
      });
    }
    this.#hold(credentials);
  }

  #hold(credentials: readonly Credential[]): void {
    this.#byDigest = byDigest(credentials);
    const ofAgents = credentials.filter(({ kind }) => kind === "agent");
    this.#agentNames = new Set(ofAgents.map(({ name }) => foldCase(name)));
    this.#agentTenants = new Set(ofAgents.flatMap(({ tenant }) => tenant ?? []));
    this.#onChange();
  }
}

interface Stored {
  readonly credentials: readonly Credential[];
  readonly mark?: TableMark;
}

/** An agent's that was not delegated: those are many, and pass. */
function takesName({ kind, parent }: Credential): boolean {
  return kind === "agent" && parent === undefined;
}

/** The same, to be changed by compare and write. */
export function changedOf(credential: Credential): Credential {
  return { ...credential, revision: (credential.revision ?? 1) + 1 };
}

/** Whether a text looks like a key that a processor issued to an agent. */
export function isIssuedKey(secret: string): boolean {
  return secret.startsWith(PREFIX.agent);
}

function byDigest(credentials: readonly Credential[]): ReadonlyMap<string, Credential> {
  return new Map(credentials.map((credential) => [credential.digest, credential]));
}

function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
