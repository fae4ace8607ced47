/**
 * Asks people, through the processor, for one act. Promise: an approval is used once, and only right before the act: the
 * processor writes that down before this says `used`. While a call waits it is told of an answer, and asks again by itself,
 * so that a lost message or a restart of the processor costs it a moment and no approval.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../lease/clock.ts";
import type { Answer, ApprovalTransport } from "../lease/transport.ts";
import type { ApprovalAsk, ApprovalReply } from "../protocol.ts";

const POLL_MS = 2_000;
const EXCHANGE_MS_MAX = 30_000;
const USE_RETRY_MS = 200;
const USE_ATTEMPTS_MAX = 3;

export interface ApprovalClientOptions {
  /** `undefined`: the processor has nobody to ask. */
  readonly transport: ApprovalTransport | undefined;
  readonly clock: Clock;
  readonly processId: string;
}

export type AskedOutcome =
  | { readonly outcome: "approved" | "denied" | "pending"; readonly reply: ApprovalReply }
  /** Nobody could be asked. */
  | { readonly outcome: "unasked"; readonly reason: string };

export type UsedOutcome =
  | { readonly outcome: "used"; readonly reply: ApprovalReply }
  | { readonly outcome: "not_used"; readonly reason: string };

export class ApprovalClient {
  readonly #options: ApprovalClientOptions;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(options: ApprovalClientOptions) {
    this.#options = options;
  }

  /** Asks, and waits for the answer at most `waitMs`, and no longer than `signal` lets it. Never rejects. */
  async ask(
    act: Omit<ApprovalAsk, "process_id">,
    options: {
      readonly waitMs: number;
      readonly signal?: AbortSignal | undefined;
      readonly onAsked: (reply: ApprovalReply) => void;
    },
  ): Promise<AskedOutcome> {
    const { transport, clock, processId } = this.#options;
    if (transport === undefined) return { outcome: "unasked", reason: "there is no processor that could ask anybody" };
    const request: ApprovalAsk = { ...act, process_id: processId };
    const deadlineMs = clock.monotonicMs() + options.waitMs;
    let known: ApprovalReply | undefined;
    for (;;) {
      const answer = await this.#held(transport.ask(request));
      if (answer.kind === "reply") {
        const { reply } = answer;
        if (known?.id !== reply.id) options.onAsked(reply);
        known = reply;
        if (reply.state === "approved") return { outcome: "approved", reply };
        if (reply.state === "denied") return { outcome: "denied", reply };
      } else if (known === undefined && (answer.kind !== "unreachable" || options.waitMs === 0)) {
        return { outcome: "unasked", reason: reasonOf(answer) };
      }
      const leftMs = options.signal?.aborted === true ? 0 : deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) {
        return known === undefined
          ? { outcome: "unasked", reason: reasonOf(answer) }
          : { outcome: "pending", reply: known };
      }
      await this.#answered(known?.id ?? "", Math.min(leftMs, POLL_MS), options.signal);
    }
  }

  /** Uses an approval right before the act. Never rejects; an answer that got lost is asked for again. */
  async use(reply: ApprovalReply): Promise<UsedOutcome> {
    const { transport, clock } = this.#options;
    if (transport === undefined) return { outcome: "not_used", reason: "there is no processor" };
    const use = { act_digest: reply.act_digest, use_id: randomBytes(16).toString("hex") };
    let reason = "";
    for (let attempt = 0; attempt < USE_ATTEMPTS_MAX; attempt += 1) {
      const answer = await this.#held(transport.use(reply.id, use));
      if (answer.kind === "reply") return { outcome: "used", reply: answer.reply };
      reason = reasonOf(answer);
      if (answer.kind !== "unreachable") break;
      await new Promise<void>((resolve) => clock.after(USE_RETRY_MS, resolve, { holdsProcess: true }));
    }
    return { outcome: "not_used", reason };
  }

  /** The processor says that a request was answered, or is over. */
  heard(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }

  /** A call waits for it: the process may not end before it is answered, or has failed by its own time-out. */
  async #held<T>(exchange: Promise<T>): Promise<T> {
    const hold = this.#options.clock.after(EXCHANGE_MS_MAX, () => {}, { holdsProcess: true });
    try {
      return await exchange;
    } finally {
      hold.cancel();
    }
  }

  /** Until it is heard of, or `ms` are over. Holds the process: a call waits. */
  #answered(id: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(id) ?? new Set();
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      waiting.delete(done);
      if (waiting.size === 0) this.#waiting.delete(id);
      resolve();
    };
    const timer = this.#options.clock.after(ms, done, { holdsProcess: true });
    signal?.addEventListener("abort", done);
    waiting.add(done);
    this.#waiting.set(id, waiting);
    return promise;
  }
}

function reasonOf(answer: Exclude<Answer<unknown>, { kind: "reply" }> | { readonly kind: "reply" }): string {
  return "reason" in answer ? answer.reason : answer.kind;
}
