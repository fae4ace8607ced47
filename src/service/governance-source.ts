/**
 * Where governance documents come from: the files of `governance.paths`, or a set that somebody applied, which then stands in
 * their place as a whole until somebody goes back to the files. Promise: an applied set survives kill -9. Files that change while
 * one is in force are not read in silence: reading is refused with that reason, until they are applied or gone back to.
 * Where several processors share a ledger its store has the set, as one row that is changed by compare and write: each follows it, at its
 * start before anything of its own is in force, and keeps a copy that a store which comes back empty gets back.
 */
import { createHash } from "node:crypto";
import type { Governance } from "../config/governance/governance.ts";
import type { GovernanceReader } from "../config/governance/governance-reader.ts";
import { governanceOf } from "../config/governance/load-governance.ts";
import { ConfigInvalid } from "../config/problem.ts";
import type { Clock } from "../support/clock.ts";
import { readSealed, writeSealed } from "../support/sealed-file.ts";
import type { SharedTable } from "../support/shared-table.ts";
import { type MirrorRow, TableMirror } from "../support/table-mirror.ts";

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
const ROW_ID = "applied";

/** `null`: the files, of each processor its own. */
interface Row extends MirrorRow {
  readonly set: AppliedSet | null;
}

/** As the file has it: with a revision where it is shared. */
type Stored = AppliedSet | Pick<Row, "revision" | "set"> | null | undefined;

export class GovernanceSource implements GovernanceReader {
  readonly #files: GovernanceReader;
  readonly #file: string;
  #applied: AppliedSet | undefined;
  /** What the processors share. Revision 0: of before they did, and theirs wins. */
  #row: Row | undefined;
  #mirror: TableMirror<Row> | undefined;
  #onNews: () => void = () => {};

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
    const stored = readSealed(this.#file) as Stored;
    if (stored === undefined || stored === null) return undefined;
    this.#row = "revision" in stored ? { id: ROW_ID, ...stored } : { id: ROW_ID, revision: 0, set: stored };
    this.#applied = this.#row.set ?? undefined;
    return this.current();
  }

  /** The set that was applied; `undefined`: the files count. Throws `ConfigInvalid`. */
  current(): Governance | undefined {
    return this.#applied === undefined ? undefined : governanceOfSent(this.#applied.documents);
  }

  /** Changes with each set that is shared; 0 where nothing is. */
  get revision(): number {
    return this.#row?.revision ?? 0;
  }

  /** From now on what is applied at any processor counts here. Resolves when what counts is known; rejects when the store is away. */
  async join(options: {
    readonly table: SharedTable;
    readonly clock: Clock;
    readonly onDamage: (error: Error) => void;
  }): Promise<void> {
    const rows = {
      get: () => this.#row,
      all: () => (this.#row === undefined ? [] : [this.#row]),
      take: ([row]: readonly Row[]) => {
        if (row !== undefined) this.#take(row);
      },
      ended: () => [],
    };
    this.#mirror = new TableMirror<Row>({ ...options, rows, onNews: () => this.#onNews() });
    await this.#mirror.start();
  }

  /** Called when another processor applied a set, or went back to the files. */
  onNews(listener: () => void): void {
    this.#onNews = listener;
  }

  async leave(): Promise<void> {
    await this.#mirror?.stop();
  }

  /** Reads what other processors applied. Rejects when the store is away. */
  async look(): Promise<void> {
    await this.#mirror?.look();
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

  /**
   * Makes a set the one that counts, durably and everywhere; `undefined`: the files. False when another processor was faster. Rejects
   * with what the disk says, and nothing is changed then; and when the store is away: then it is not known.
   */
  async put(set: Omit<AppliedSet, "files"> | undefined): Promise<boolean> {
    const applied = set === undefined ? undefined : { ...set, files: this.#filesDigest() };
    if (this.#mirror !== undefined) {
      return this.#mirror.put({ id: ROW_ID, revision: this.revision + 1, set: applied ?? null });
    }
    writeSealed(this.#file, applied ?? null);
    this.#applied = applied;
    return true;
  }

  #take({ revision, set: theirs }: Row): void {
    // Which files it stands in the place of is this processor's own matter.
    const set = theirs === null ? null : { ...theirs, files: this.#filesDigest() };
    this.#row = { id: ROW_ID, revision, set };
    this.#applied = set ?? undefined;
    try {
      writeSealed(this.#file, { revision, set } satisfies Stored);
    } catch {
      // The fleet has it, and the next start asks there first.
    }
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
