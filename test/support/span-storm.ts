/**
 * A seeded storm of span batches against a processor: fresh ones, ones that were sent before, ones that come again in another
 * order, ones that no receiver can read. What was not acknowledged is kept and sent again, as OTLP asks of a sender.
 */
import { setTimeout as delay } from "node:timers/promises";
import { exportRequest, type ForeignSpan, postSpans } from "./otlp-json.ts";

export interface StormOptions {
  readonly seed: number;
  /** Asked before each request: the processor may have moved. */
  readonly url: () => string;
  readonly service: string;
  /** @default 20 */
  readonly spansInBatch?: number;
  /** Bytes of text in each span, to fill a spool with. @default 0 */
  readonly padding?: number;
  /** @default 4 */
  readonly senders?: number;
}

/** gpt-4o-mini: 1,000 input tokens at $0.15 and 100 output tokens at $0.60 per million. */
export const STORM_SPAN_NANO_USD = 210_000n;
const RETRY_PAUSE_MS = 50;

export class SpanStorm {
  readonly #options: Required<StormOptions>;
  readonly #random: () => number;
  readonly #acknowledged: string[] = [];
  readonly #unanswered: string[] = [];
  readonly #loops: Promise<void>[];
  readonly answers = new Map<number, number>();
  #made = 0;
  #isStopping = false;

  constructor(options: StormOptions) {
    this.#options = { spansInBatch: 20, padding: 0, senders: 4, ...options };
    this.#random = seededRandom(options.seed);
    this.#loops = Array.from({ length: this.#options.senders }, () => this.#loop());
  }

  /** Batches that were acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** Sends what is unanswered until it is acknowledged, some of it once more, and tells how many spans there must be. */
  async finish(): Promise<number> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    for (let batch = this.#unanswered.shift(); batch !== undefined; batch = this.#unanswered.shift()) {
      while (!(await this.#send(batch))) await delay(RETRY_PAUSE_MS);
      this.#acknowledged.push(batch);
    }
    const again = this.#acknowledged.filter(() => this.#random() < 0.2).toReversed();
    for (const batch of again) while (!(await this.#send(batch))) await delay(RETRY_PAUSE_MS);
    return this.#made * this.#options.spansInBatch;
  }

  async #loop(): Promise<void> {
    while (!this.#isStopping) {
      const dice = this.#random();
      if (dice < 0.1) await this.#send(`{"resourceSpans": [${"x".repeat(Math.floor(dice * 1_000))}`);
      else if (dice < 0.25 && this.#acknowledged.length > 0) await this.#send(this.#anyOf(this.#acknowledged));
      else if (dice < 0.4 && this.#unanswered.length > 0) await this.#settle(this.#takeFrom(this.#unanswered));
      else await this.#settle(this.#newBatch());
    }
  }

  async #settle(batch: string): Promise<void> {
    const isTaken = await this.#send(batch);
    (isTaken ? this.#acknowledged : this.#unanswered).push(batch);
    if (!isTaken) await delay(RETRY_PAUSE_MS);
  }

  async #send(batch: string): Promise<boolean> {
    try {
      const response = await postSpans(this.#options.url(), batch);
      await response.arrayBuffer();
      this.answers.set(response.status, (this.answers.get(response.status) ?? 0) + 1);
      return response.status === 200;
    } catch {
      // Nobody listens right now, or somebody was killed before the answer.
      return false;
    }
  }

  #newBatch(): string {
    this.#made += 1;
    const { service, spansInBatch, padding } = this.#options;
    const spans = Array.from({ length: spansInBatch }, (): ForeignSpan => ({
      name: "chat gpt-4o-mini",
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1_000,
        "gen_ai.usage.output_tokens": 100,
        ...(padding === 0 ? {} : { "test.padding": "x".repeat(padding) }),
      },
    }));
    return JSON.stringify(exportRequest({ "service.name": service }, spans));
  }

  #anyOf(batches: readonly string[]): string {
    return batches[Math.floor(this.#random() * batches.length)] ?? "";
  }

  #takeFrom(batches: string[]): string {
    return batches.splice(Math.floor(this.#random() * batches.length), 1)[0] ?? "";
  }
}

/** Numbers in [0, 1) that a seed makes again (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
