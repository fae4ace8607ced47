/**
 * Requests for approval, in a journal of the data directory. Promise: what `put` has resolved for survives kill -9, in its
 * order, so an approval that was used is never found unused; of two changes to one state of a request only one is taken.
 * Arguments are in it, because nobody can answer for what he cannot see: the file is its owner's only, and they are dropped
 * `keepMs` after the request's end, with the request. One processor owns the file (the ledger's lock sees to that); where
 * several serve one fleet, it is that processor's copy (shared-approvals.ts).
 */
import type { AppendLog } from "../support/append-log.ts";
import type { Clock } from "../support/clock.ts";
import type { Bypass } from "./bypass.ts";
import { type ApprovalRequest, isOpen } from "./request.ts";

export interface ApprovalStoreOptions {
  /** The journal, not opened yet. */
  readonly log: Pick<AppendLog, "open" | "append" | "rewrite" | "close" | "bytes">;
  readonly clock: Clock;
  /** How long ended requests are kept. */
  readonly keepMs: number;
}

export type ApprovalLine = { readonly request: ApprovalRequest } | { readonly bypass: Bypass };

/** Where requests are kept: in this processor's journal, or shared by all of a fleet. */
export interface ApprovalKeeper {
  /** Reads what other processors did. Rejects when they cannot be asked. */
  look(): Promise<void>;
  get(id: string): ApprovalRequest | undefined;
  /** The newest request for an act. */
  ofAct(act: string): ApprovalRequest | undefined;
  /** Oldest first. */
  all(): readonly ApprovalRequest[];
  bypasses(): readonly Bypass[];
  /**
   * Resolves once it is kept; false when the request is no longer as `next` was made from, or, of a new one, when somebody
   * asked for the same act since: `instead` is the request that `ofAct` gave. Rejects when it cannot be kept.
   */
  put(next: ApprovalRequest, options?: { readonly instead?: ApprovalRequest | undefined }): Promise<boolean>;
  /** As `put`: false when it changed meanwhile. */
  putBypass(bypass: Bypass): Promise<boolean>;
  /** Called when other processors changed a request. */
  onNews(listener: (request: ApprovalRequest) => void): void;
}

const COMPACT_BYTES_MIN = 16 * 1024 * 1024;

export class ApprovalStore implements ApprovalKeeper {
  readonly #log: ApprovalStoreOptions["log"];
  readonly #options: ApprovalStoreOptions;
  /** In the order of their asking. */
  readonly #requests = new Map<string, ApprovalRequest>();
  readonly #latestOfAct = new Map<string, string>();
  readonly #bypasses = new Map<string, Bypass>();

  constructor(options: ApprovalStoreOptions) {
    this.#options = options;
    this.#log = options.log;
  }

  /** Rejects with `AppendLogError` for a file that can't be trusted. */
  async start(): Promise<void> {
    for (const line of (await this.#log.open()) as readonly ApprovalLine[]) {
      this.#holdLine(line);
    }
    this.#forget();
    if (this.#log.bytes > COMPACT_BYTES_MIN) await this.#log.rewrite(this.lines());
  }

  async stop(): Promise<void> {
    await this.#log.close();
  }

  /** No other processor knows of these. */
  async look(): Promise<void> {}

  onNews(): void {}

  get(id: string): ApprovalRequest | undefined {
    return this.#requests.get(id);
  }

  /** The newest request for an act. */
  ofAct(act: string): ApprovalRequest | undefined {
    return this.#requests.get(this.#latestOfAct.get(act) ?? "");
  }

  /** Oldest first. */
  all(): readonly ApprovalRequest[] {
    return [...this.#requests.values()];
  }

  bypasses(): readonly Bypass[] {
    return [...this.#bypasses.values()];
  }

  /** Resolves once it is on disk; false when the request is no longer as `next` was made from. */
  async put(next: ApprovalRequest): Promise<boolean> {
    const revision = this.#requests.get(next.id)?.revision ?? 0;
    if (next.revision !== revision + 1) return false;
    // Held before it is on disk: what follows from it stands behind it in the journal, and nobody is answered before.
    this.#hold(next);
    this.#forget();
    await this.#log.append({ request: next } satisfies ApprovalLine);
    return true;
  }

  async putBypass(bypass: Bypass): Promise<boolean> {
    this.#bypasses.set(bypass.id, bypass);
    await this.#log.append({ bypass } satisfies ApprovalLine);
    return true;
  }

  /** Takes what the fleet's store has, and drops others. A disk that refuses the copy costs nothing: the fleet has it. */
  copy(lines: readonly ApprovalLine[], dropped: readonly string[]): void {
    for (const line of lines) this.#holdLine(line);
    for (const id of dropped) {
      this.#drop(id);
      this.#bypasses.delete(id);
    }
    if (lines.length > 0) this.#log.append(...lines).catch(() => {});
  }

  /** What has ended so long ago that nobody needs it any more. */
  forgettable(): readonly ApprovalLine[] {
    const { clock, keepMs } = this.#options;
    const now = clock.now();
    const isOver = (request: ApprovalRequest): boolean => !isOpen(request, now) && lastMs(request) + keepMs <= now;
    return this.lines().filter((line) =>
      "bypass" in line
        ? line.bypass.untilMs + keepMs <= now
        : line.request.expiresAtMs + keepMs <= now && isOver(line.request),
    );
  }

  lines(): readonly ApprovalLine[] {
    return [...this.all().map((request) => ({ request })), ...this.bypasses().map((bypass) => ({ bypass }))];
  }

  #holdLine(line: ApprovalLine): void {
    if ("bypass" in line) this.#bypasses.set(line.bypass.id, line.bypass);
    else this.#hold(line.request);
  }

  #hold(request: ApprovalRequest): void {
    this.#requests.set(request.id, request);
    const latest = this.ofAct(request.act);
    if (latest === undefined || latest.askedAtMs <= request.askedAtMs) this.#latestOfAct.set(request.act, request.id);
  }

  #drop(id: string): void {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    if (request !== undefined && this.#latestOfAct.get(request.act) === id) this.#latestOfAct.delete(request.act);
  }

  #forget(): void {
    const { clock, keepMs } = this.#options;
    const now = clock.now();
    for (const request of this.#requests.values()) {
      // In the order of asking: what comes behind is younger.
      if (request.expiresAtMs + keepMs > now) break;
      if (isOpen(request, now) || lastMs(request) + keepMs > now) continue;
      this.#drop(request.id);
    }
    for (const { id, untilMs } of this.#bypasses.values()) if (untilMs + keepMs <= now) this.#bypasses.delete(id);
  }
}

function lastMs({ askedAtMs, answeredAtMs, consumedAtMs, useUntilMs }: ApprovalRequest): number {
  return Math.max(askedAtMs, answeredAtMs ?? 0, consumedAtMs ?? 0, useUntilMs ?? 0);
}
