/**
 * Requests for approval, in a journal of the data directory. Promise: what `put` has resolved for survives kill -9, in its
 * order, so an approval that was used is never found unused; of two changes to one state of a request only one is taken.
 * Arguments are in it, because nobody can answer for what he cannot see: the file is its owner's only, and they are dropped
 * `keepMs` after the request's end, with the request. One processor owns the file (the ledger's lock sees to that).
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

type Line = { readonly request: ApprovalRequest } | { readonly bypass: Bypass };

const COMPACT_BYTES_MIN = 16 * 1024 * 1024;

export class ApprovalStore {
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
    for (const line of (await this.#log.open()) as readonly Line[]) {
      if ("bypass" in line) this.#bypasses.set(line.bypass.id, line.bypass);
      else this.#hold(line.request);
    }
    this.#forget();
    if (this.#log.bytes > COMPACT_BYTES_MIN) await this.#log.rewrite(this.#lines());
  }

  async stop(): Promise<void> {
    await this.#log.close();
  }

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
    await this.#log.append({ request: next } satisfies Line);
    return true;
  }

  async putBypass(bypass: Bypass): Promise<void> {
    this.#bypasses.set(bypass.id, bypass);
    await this.#log.append({ bypass } satisfies Line);
  }

  #hold(request: ApprovalRequest): void {
    this.#requests.set(request.id, request);
    this.#latestOfAct.set(request.act, request.id);
  }

  #forget(): void {
    const { clock, keepMs } = this.#options;
    const now = clock.now();
    for (const request of this.#requests.values()) {
      // In the order of asking: what comes behind is younger.
      if (request.expiresAtMs + keepMs > now) break;
      if (isOpen(request, now) || lastMs(request) + keepMs > now) continue;
      this.#requests.delete(request.id);
      if (this.#latestOfAct.get(request.act) === request.id) this.#latestOfAct.delete(request.act);
    }
    for (const { id, untilMs } of this.#bypasses.values()) if (untilMs + keepMs <= now) this.#bypasses.delete(id);
  }

  #lines(): readonly Line[] {
    return [...this.all().map((request) => ({ request })), ...this.bypasses().map((bypass) => ({ bypass }))];
  }
}

function lastMs({ askedAtMs, answeredAtMs, consumedAtMs, useUntilMs }: ApprovalRequest): number {
  return Math.max(askedAtMs, answeredAtMs ?? 0, consumedAtMs ?? 0, useUntilMs ?? 0);
}
