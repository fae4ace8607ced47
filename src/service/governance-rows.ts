/**
 * Writes requests for approval and changes of governance to ClickHouse, for dashboards and SQL. Promise: it never blocks who
 * asks or answers; what fails is tried again, and everything is written again after a restart, where the tables keep one of
 * each. The truth are the processor's own files.
 */
import type { ApprovalRequest } from "../approvals/request.ts";
import type { Change } from "../changes/change-log.ts";
import type { Clock } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { dateTime, keptOf, RowWrites } from "./row-writes.ts";
import type { Store, TableRow } from "./store.ts";

const INTERVAL_MS = 500;
const ROWS_MAX = 1_000;

export interface GovernanceRowsOptions {
  readonly store: Pick<Store, "insertRows" | "isReady">;
  /** Oldest first. */
  readonly approvals: () => readonly ApprovalRequest[];
  readonly changes: () => readonly Change[];
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export class GovernanceRows {
  readonly #options: GovernanceRowsOptions;
  /** The revision that ClickHouse has of each request. */
  #written = new Map<string, number>();
  #writtenSeq = 0;
  readonly #writes: RowWrites;

  constructor(options: GovernanceRowsOptions) {
    this.#options = options;
    const { clock, store, telemetry } = options;
    this.#writes = new RowWrites({
      clock,
      intervalMs: INTERVAL_MS,
      isStorageReady: () => store.isReady,
      write: () => this.#write(),
      failed: (reason) => telemetry.emit("governance_rows_not_written", { reason }),
    });
  }

  async start(): Promise<void> {
    this.#writes.start();
  }

  /** Writes what is left, if ClickHouse is there. */
  async stop(): Promise<void> {
    await this.#writes.stop();
  }

  async #write(): Promise<void> {
    await this.#writeApprovals();
    await this.#writeChanges();
  }

  async #writeApprovals(): Promise<void> {
    const all = this.#options.approvals();
    const changed = all.filter(({ id, revision }) => this.#written.get(id) !== revision).slice(0, ROWS_MAX);
    if (changed.length === 0) return;
    await this.#options.store.insertRows("approval_log", changed.map(approvalRow));
    // Those that the store has forgotten are forgotten here too.
    this.#written = keptOf(
      this.#written,
      all.map(({ id }) => id),
    );
    for (const { id, revision } of changed) this.#written.set(id, revision);
  }

  async #writeChanges(): Promise<void> {
    const changes = this.#options
      .changes()
      .filter(({ seq }) => seq > this.#writtenSeq)
      .slice(0, ROWS_MAX);
    if (changes.length === 0) return;
    await this.#options.store.insertRows("change_log", changes.map(changeRow));
    this.#writtenSeq = changes.at(-1)?.seq ?? this.#writtenSeq;
  }
}

function approvalRow(request: ApprovalRequest): TableRow {
  const { answers } = request;
  return {
    id: request.id,
    revision: request.revision,
    kind: request.kind,
    state: request.state,
    agent: request.agent,
    session: request.session,
    user: request.user,
    tool: request.tool,
    arguments_digest: request.argumentsDigest,
    edited_digest: request.edited?.digest ?? "",
    act_digest: request.act,
    policy: request.policy,
    policy_version: request.policyVersion,
    rule: request.rule,
    reason: request.reason,
    quorum: request.terms.quorum,
    answered_by: answers.map(({ by }) => by),
    answers: answers.map(({ answer }) => answer),
    comment: answers.at(-1)?.comment ?? "",
    bypass: request.bypass ?? "",
    asked_at: dateTime(request.askedAtMs),
    expires_at: dateTime(request.state === "approved" ? (request.useUntilMs ?? 0) : request.expiresAtMs),
    answered_at: request.answeredAtMs === undefined ? null : dateTime(request.answeredAtMs),
    used_at: request.consumedAtMs === undefined ? null : dateTime(request.consumedAtMs),
    escalated_at: request.escalatedAtMs === undefined ? null : dateTime(request.escalatedAtMs),
  };
}

function changeRow({ id, seq, atMs, author, action, subject, before, after }: Change): TableRow {
  const json = (value: unknown): string => (value === undefined ? "" : JSON.stringify(value));
  return { id, seq, at: dateTime(atMs), author, action, subject, before: json(before), after: json(after) };
}
