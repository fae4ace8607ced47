/**
 * Where governance documents come from: the files of `governance.paths`, or a set that somebody applied, which then stands in
 * their place as a whole until somebody goes back to the files. Promise: an applied set survives kill -9. Files that change while
 * one is in force are not read in silence: reading is refused with that reason, until they are applied or gone back to.
 */
import { createHash } from "node:crypto";
import type { Governance } from "../config/governance/governance.ts";
import type { GovernanceReader } from "../config/governance/governance-reader.ts";
import { governanceOf } from "../config/governance/load-governance.ts";
import { ConfigInvalid } from "../config/problem.ts";
import { readSealed, writeSealed } from "../support/sealed-file.ts";

/** A document that was sent: its value, and where it was written. */
export interface SentDocument {
  readonly file: string;
  readonly value: unknown;
}

/** A set of documents that somebody applied. */
export interface AppliedSet {
  readonly author: string;
  readonly at_ms: number;
  /** Digest of the files as they were then. */
  readonly files: string;
  readonly documents: readonly SentDocument[];
}

const UNREADABLE = "unreadable";

export class GovernanceSource implements GovernanceReader {
  readonly #files: GovernanceReader;
  readonly #file: string;
  #applied: AppliedSet | undefined;

  constructor({ files, file }: { readonly files: GovernanceReader; readonly file: string }) {
    this.#files = files;
    this.#file = file;
  }

  get paths(): readonly string[] {
    return this.#files.paths;
  }

  /** `undefined`: the files are in force. */
  get applied(): AppliedSet | undefined {
    return this.#applied;
  }

  /** What was in force when the process ended; `undefined` for the files. Throws `SealedFileError` or `ConfigInvalid`. */
  restore(): Governance | undefined {
    this.#applied = (readSealed(this.#file) ?? undefined) as AppliedSet | undefined;
    return this.#applied === undefined ? undefined : governanceOfSent(this.#applied.documents);
  }

  /** Throws `ConfigInvalid`: also for files that changed while an applied set is in force. */
  read(): Governance {
    const applied = this.#applied;
    if (applied === undefined) return this.#files.read();
    if (this.#filesDigest() !== applied.files) throw new ConfigInvalid([changedBeneath(applied)]);
    return governanceOfSent(applied.documents);
  }

  readFiles(): Governance {
    return this.#files.read();
  }

  /** Makes a set the one that counts, durably; `undefined`: the files. Throws what the disk says, and nothing is changed then. */
  put(set: Omit<AppliedSet, "files"> | undefined): void {
    const applied = set === undefined ? undefined : { ...set, files: this.#filesDigest() };
    writeSealed(this.#file, applied ?? null);
    this.#applied = applied;
  }

  #filesDigest(): string {
    try {
      const values = this.#files.read().documents.map(({ value }) => value);
      return createHash("sha256").update(JSON.stringify(values)).digest("hex");
    } catch (error) {
      if (error instanceof ConfigInvalid) return UNREADABLE;
      throw error;
    }
  }
}

/** Throws `ConfigInvalid`. */
export function governanceOfSent(documents: readonly SentDocument[]): Governance {
  return governanceOf(documents.map((document) => ({ ...document, locate: () => ({ line: 0, column: 0 }) })));
}

function changedBeneath({ author, at_ms: atMs }: AppliedSet): ConfigInvalid["problems"][number] {
  const when = new Date(atMs).toISOString();
  const message =
    `the files have changed, and what \`${author}\` applied at ${when} stays in force: ` +
    "apply them (`tollgate apply DIR`), or go back to them (`tollgate apply --files`)";
  return { file: "governance.paths", line: 0, column: 0, path: "", message };
}
