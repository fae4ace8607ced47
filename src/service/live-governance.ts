/**
 * Governance while the service runs. Promise: what is in force is always one whole valid set of documents. A new one that is
 * valid is put in force at once, budgets first and durably; of one that is not, nothing is taken, the last good set stays,
 * and the log and `status` say so until it is mended.
 */
import type { GovernanceDesk, GovernanceState, PutOutcome, WantedGovernance } from "../api/governance.ts";
import { type DocumentChange, documentChanges } from "../config/governance/document-changes.ts";
import { FilesWatch } from "../config/governance/files-watch.ts";
import type { Governance } from "../config/governance/governance.ts";
import { unenforced } from "../config/governance/unenforced.ts";
import { ConfigInvalid, formatProblem } from "../config/problem.ts";
import type { NewChange, RecordChange } from "../changes/change-log.ts";
import { writeBudget } from "../budget/rules/events.ts";
import type { Clock } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { governanceOfSent, type GovernanceSource } from "./governance-source.ts";

/** Problems are many when a file is broken at its top; the first ones tell. */
const PROBLEMS_SAID_MAX = 10;

/** What made it read: another processor. */
const FLEET = "fleet";
const FOLLOW_RETRY_MS = 5_000;

export interface GovernanceRefusal {
  readonly atMs: number;
  readonly problems: readonly string[];
}

export type ReloadOutcome = "applied" | "unchanged" | "refused";

export interface LiveGovernanceOptions {
  readonly governance: Governance;
  readonly source: GovernanceSource;
  /** Puts a set in force. Rejects when it could not, and nothing has changed then. */
  readonly apply: (governance: Governance, changes: GovernanceChanges) => Promise<void>;
  /** The version that a set has in force. */
  readonly versionOf: (governance: Governance) => string;
  /** What a set would let agents do beyond what it declares of them, in sentences. */
  readonly excessOf: (governance: Governance) => readonly string[];
  readonly recordChange: RecordChange;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** `undefined`: files are read again only when somebody asks for it. */
  readonly pollIntervalMs: number | undefined;
}

export interface GovernanceChanges {
  readonly areBudgetsNew: boolean;
}

export class LiveGovernance implements GovernanceDesk {
  readonly #options: LiveGovernanceOptions;
  readonly #watch: FilesWatch | undefined;
  #current: Governance;
  #appliedAtMs: number;
  #refusal: GovernanceRefusal | undefined;
  /** Of what the processors share, in force here. */
  #revision: number;
  /** Known of a set once it was asked: there may be many agents and tools. */
  readonly #excess = new WeakMap<Governance, readonly string[]>();
  #isStopped = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LiveGovernanceOptions) {
    this.#options = options;
    this.#current = options.governance;
    this.#revision = options.source.revision;
    this.#appliedAtMs = options.source.applied?.at_ms ?? options.clock.now();
    const { source, clock, pollIntervalMs } = options;
    this.#watch =
      pollIntervalMs === undefined
        ? undefined
        : new FilesWatch({ paths: source.paths, clock, pollIntervalMs, onChange: () => void this.reload("files") });
  }

  /** What is in force. */
  get current(): Governance {
    return this.#current;
  }

  get appliedAtMs(): number {
    return this.#appliedAtMs;
  }

  /** Why the files as they are now are not in force; `undefined` when they are. */
  get refusal(): GovernanceRefusal | undefined {
    return this.#refusal;
  }

  start(): void {
    const { source } = this.#options;
    this.#tellOf(this.#current, undefined);
    source.onNews(() => this.#follow());
    // Applied while this processor started.
    if (source.revision !== this.#revision) this.#follow();
    this.#watch?.start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch?.stop();
    await this.#turn;
  }

  /** Reads the files and puts them in force if they are valid and new. Never rejects; one at a time. */
  reload(trigger: string): Promise<ReloadOutcome> {
    const outcome = this.#turn.then(() => this.#reload(trigger));
    this.#turn = outcome;
    return outcome;
  }

  state(): GovernanceState {
    const { source, versionOf } = this.#options;
    return {
      version: versionOf(this.#current),
      author: source.applied?.author,
      appliedAtMs: this.#appliedAtMs,
      refusal: this.#refusal,
      documents: this.#current.documents,
    };
  }

  /** Puts a set that somebody sent in force, or the files again, or changes nothing. Never rejects. */
  put(wanted: WantedGovernance): Promise<PutOutcome> {
    const outcome = this.#turn.then(() => this.#put(wanted)).catch(toOutcome);
    this.#turn = outcome;
    return outcome;
  }

  /** Another processor applied a set: it counts here too. */
  #follow(): void {
    if (!this.#isStopped) void this.reload(FLEET);
  }

  async #put(wanted: WantedGovernance): Promise<PutOutcome> {
    const { source, versionOf, clock } = this.#options;
    await source.look();
    if (source.revision !== this.#revision) await this.#reload(FLEET);
    const { documents, author, expectedVersion } = wanted;
    const version = versionOf(this.#current);
    if (expectedVersion !== undefined && expectedVersion !== version) return { outcome: "stale", version };
    const next = documents === undefined ? source.readFiles() : governanceOfSent(documents);
    const changes = documentChanges(this.#current.documents, next.documents);
    const made = { version: versionOf(next), changes, notes: [...unenforced(next), ...this.#excessOf(next)] };
    if (wanted.isDryRun) return { outcome: "planned", ...made };
    const isMove = documents === undefined && source.applied !== undefined;
    if (changes.length === 0 && !isMove) return { outcome: "unchanged", ...made };
    const from = source.applied;
    await this.#recordPut(wanted, { version, after: made.version, count: changes.length });
    const failed = (error: string): Promise<void> =>
      this.#recordPut(wanted, { version, after: version, count: 0, error });
    let isPut = false;
    try {
      isPut = await source.put(documents === undefined ? undefined : { author, at_ms: clock.now(), documents });
      if (isPut) await this.#enforce(next, { trigger: "apply", author });
    } catch (error) {
      if (isPut) await source.put(from);
      await failed(errorText(error));
      throw error;
    }
    if (isPut) return { outcome: "applied", ...made };
    await failed("another processor applied a set meanwhile");
    return { outcome: "stale", version };
  }

  /** Before it holds: a disk that can't say who did it lets nobody do it. */
  #recordPut(
    { author, reason, documents }: WantedGovernance,
    { version, after, count, error }: { version: string; after: string; count: number; error?: string },
  ): Promise<void> {
    return this.#options.recordChange({
      author,
      action: error === undefined ? "governance.apply" : "governance.apply_failed",
      subject: documents === undefined ? "the files of governance.paths" : `${documents.length} documents`,
      before: { version },
      after: { version: after, changes: count, reason, ...(error === undefined ? {} : { error }) },
    });
  }

  /** One record for each document that came, went or changed. The files do not say who wrote them: version control does. */
  async #record(author: string, next: Governance): Promise<void> {
    const { recordChange, telemetry } = this.#options;
    try {
      for (const change of documentChanges(this.#current.documents, next.documents))
        await recordChange({ author, action: "document", ...recordOf(change) });
    } catch (error) {
      telemetry.emit("change_not_recorded", { action: "document", error: errorText(error) });
    }
  }

  /** What changed is on record where it was applied. */
  async #recordFollowed(next: Governance): Promise<void> {
    const { recordChange, telemetry, source, versionOf } = this.#options;
    const subject =
      source.applied === undefined ? "the files of governance.paths" : `${next.documents.length} documents`;
    const change = {
      author: source.applied?.author ?? "governance fleet",
      action: "governance.follow",
      subject,
      before: { version: versionOf(this.#current) },
      after: { version: versionOf(next) },
    };
    await recordChange(change).catch((error: unknown) => {
      telemetry.emit("change_not_recorded", { action: change.action, error: errorText(error) });
    });
  }

  /** Carries a valid set in, and tells of it. Rejects, with nothing changed, when that can't be. */
  async #enforce(
    next: Governance,
    { trigger, author }: { readonly trigger: string; readonly author: string },
  ): Promise<void> {
    const { apply, telemetry, clock, versionOf } = this.#options;
    await apply(next, { areBudgetsNew: budgetsText(next) !== budgetsText(this.#current) });
    if (trigger === FLEET) await this.#recordFollowed(next);
    else await this.#record(author, next);
    this.#take(next);
    this.#appliedAtMs = clock.now();
    const { budgets, policies, agents, prices } = next;
    telemetry.emit("governance_applied", {
      trigger,
      version: versionOf(next),
      budgets: budgets.length,
      policies: policies.length,
      agents: agents.length,
      prices: prices.length,
    });
  }

  #take(next: Governance): void {
    if (next !== this.#current) this.#tellOf(next, this.#current);
    this.#current = next;
    this.#revision = this.#options.source.revision;
    this.#refusal = undefined;
  }

  /** What a set says and will not hold, and what it lets happen that it does not declare, but for what was so before. */
  #tellOf(next: Governance, before: Governance | undefined): void {
    const { telemetry } = this.#options;
    const news = (sentencesOf: (governance: Governance) => readonly string[]): readonly string[] => {
      const said = new Set(before === undefined ? [] : sentencesOf(before));
      return sentencesOf(next).filter((sentence) => !said.has(sentence));
    };
    for (const what of news(unenforced)) telemetry.emit("governance_not_enforced", { what });
    for (const what of news((governance) => this.#excessOf(governance))) telemetry.emit("blast_radius_open", { what });
  }

  #excessOf(governance: Governance): readonly string[] {
    const sentences = this.#excess.get(governance) ?? this.#options.excessOf(governance);
    this.#excess.set(governance, sentences);
    return sentences;
  }

  async #reload(trigger: string): Promise<ReloadOutcome> {
    const { source, telemetry, clock, versionOf } = this.#options;
    try {
      const next = source.read();
      const isNew = next.fingerprint !== this.#current.fingerprint || this.#refusal !== undefined;
      if (isNew) await this.#enforce(next, { trigger, author: `governance ${trigger}` });
      else this.#take(next);
      return isNew ? "applied" : "unchanged";
    } catch (error) {
      const all = error instanceof ConfigInvalid ? error.problems.map(formatProblem) : [errorText(error)];
      const problems = all.slice(0, PROBLEMS_SAID_MAX);
      if (all.length > problems.length) problems.push(`and ${all.length - problems.length} more`);
      this.#refusal = { atMs: clock.now(), problems };
      const version = versionOf(this.#current);
      telemetry.emit("governance_refused", { trigger, version, problems: problems.join("; ") });
      // What another processor applied is valid there: when the ledger could not take it here, it is tried again.
      if (trigger === FLEET && !(error instanceof ConfigInvalid)) clock.setTimer(FOLLOW_RETRY_MS, () => this.#follow());
      return "refused";
    }
  }
}

function toOutcome(error: unknown): PutOutcome {
  if (error instanceof ConfigInvalid) return { outcome: "refused", problems: error.problems };
  return { outcome: "failed", reason: errorText(error) };
}

/** Prices are public, and their documents the longest: only that they changed is said. */
function recordOf({ subject, before, after }: DocumentChange): Pick<NewChange, "subject" | "before" | "after"> {
  if (subject.startsWith("prices ")) return { subject };
  return { subject, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function budgetsText({ budgets }: Governance): string {
  return JSON.stringify(budgets.map(writeBudget));
}
