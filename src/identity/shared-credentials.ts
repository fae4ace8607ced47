/**
 * Credentials over all processors of a fleet: rows of the store that they share, and a copy in each processor's own file.
 * Promise: a key that was issued by one processor is good at all of them, and one that was revoked at any is good at none, at
 * once where words arrive and within a second where they get lost; restarts of all, and a store that comes back empty, bring
 * nobody back. Without the store nothing is issued or revoked: to stop an agent at once there is `kill`.
 */
import type { Clock } from "../support/clock.ts";
import type { SharedTable, TableMark } from "../support/shared-table.ts";
import { type MirrorRow, TableMirror } from "../support/table-mirror.ts";
import {
  changedOf,
  type Credential,
  type CredentialKeeper,
  type CredentialStore,
  CredentialStoreError,
  type Issued,
  type NewCredential,
  type RotateOptions,
} from "./credential-store.ts";
import type { Person } from "./roles.ts";

/** What has ended is kept for so long, for processors that come back with an old copy while the store forgets. */
const KEEP_MS = 30 * 86_400_000;
/** Two who change one credential at the same moment: the later one looks again. */
const TRIES_MAX = 8;

export interface SharedCredentialsOptions {
  /** This processor's copy, loaded. */
  readonly store: CredentialStore;
  readonly table: SharedTable;
  readonly clock: Clock;
  readonly onDamage: (error: Error) => void;
}

type Row = MirrorRow & { readonly credential: Credential };

export class SharedCredentials implements CredentialKeeper {
  readonly #store: CredentialStore;
  readonly #mirror: TableMirror<Row>;
  readonly #clock: Clock;

  constructor({ store, table, clock, onDamage }: SharedCredentialsOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#mirror = new TableMirror<Row>({
      table,
      clock,
      mark: store.record.mark,
      onDamage,
      onNews: () => {},
      rows: {
        get: (id) => this.#rows().find((row) => row.id === id),
        all: () => this.#rows(),
        take: (rows, dropped, mark) => this.#take(rows, { dropped, mark }),
        ended: () => this.#rows().filter(({ credential }) => this.#hasEnded(credential)),
      },
    });
  }

  /** Rejects when the store is away. */
  start(): Promise<void> {
    return this.#mirror.start();
  }

  stop(): Promise<void> {
    return this.#mirror.stop();
  }

  list(kind: Credential["kind"]): readonly Credential[] {
    return this.#store.list(kind);
  }

  find(kind: Credential["kind"], secret: string): Credential | undefined {
    return this.#store.find(kind, secret);
  }

  person(secret: string): Person | undefined {
    return this.#store.person(secret);
  }

  get agentNames(): ReadonlySet<string> {
    return this.#store.agentNames;
  }

  get agentTenants(): ReadonlySet<string> {
    return this.#store.agentTenants;
  }

  watch(onChange: () => void): void {
    this.#store.watch(onChange);
  }

  byId(id: string): Credential | undefined {
    return this.#store.byId(id);
  }

  async issue(wanted: NewCredential): Promise<Issued> {
    await this.#mirror.look();
    const issued = this.#store.make(wanted);
    await this.#put(issued.credential);
    return issued;
  }

  async rotate(id: string, options: RotateOptions): Promise<Issued | undefined> {
    return this.#trying(async () => {
      const rotation = this.#store.rotation(id, options);
      if (rotation === undefined) return { isDone: true, result: undefined };
      const { issued, changed } = rotation;
      // The new one first: what was delegated hangs on it, and a crash in between leaves both good.
      await this.#put(issued.credential);
      for (const credential of changed) {
        if (await this.#put(credential)) continue;
        await this.#put({ ...changedOf(issued.credential), revokedAtMs: this.#clock.now() });
        return { isDone: false };
      }
      return { isDone: true, result: issued };
    });
  }

  /** What was delegated from it is good only as long as it is. */
  async revoke(id: string): Promise<Credential | undefined> {
    return this.#trying(async () => {
      const revoked = this.#store.byId(id);
      if (revoked === undefined) return { isDone: true, result: undefined };
      const isPut = await this.#put({ ...changedOf(revoked), revokedAtMs: this.#clock.now() });
      return isPut ? { isDone: true, result: revoked } : { isDone: false };
    });
  }

  async #trying<T>(
    change: () => Promise<{ readonly isDone: true; readonly result: T } | { readonly isDone: false }>,
  ): Promise<T> {
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      await this.#mirror.look();
      const outcome = await change();
      if (outcome.isDone) return outcome.result;
    }
    throw new CredentialStoreError("nothing was changed, because others changed it meanwhile, again and again");
  }

  #put(credential: Credential): Promise<boolean> {
    return this.#mirror.put(rowOf(credential));
  }

  #rows(): readonly Row[] {
    return this.#store.record.credentials.map(rowOf);
  }

  #take(
    rows: readonly Row[],
    { dropped, mark }: { readonly dropped: readonly string[]; readonly mark: TableMark },
  ): void {
    const kept = new Map(this.#store.record.credentials.map((credential) => [credential.id, credential]));
    for (const { id, credential } of rows) kept.set(id, credential);
    for (const id of dropped) kept.delete(id);
    const oldestFirst = [...kept.values()].sort((a, b) => a.issuedAtMs - b.issuedAtMs);
    this.#store.replace(oldestFirst, mark);
  }

  #hasEnded({ expiresAtMs, revokedAtMs }: Credential): boolean {
    const endedAtMs = revokedAtMs ?? expiresAtMs;
    return endedAtMs !== undefined && endedAtMs + KEEP_MS <= this.#clock.now();
  }
}

function rowOf(credential: Credential): Row {
  return { id: credential.id, revision: credential.revision ?? 1, credential };
}
