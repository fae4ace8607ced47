/**
 * Senders that make a storm of a seed: batches of priced spans of many sizes, sent by several connections at once, each
 * batch again and again until it is acknowledged; some sent again afterwards (a lost answer), some held back and sent
 * late (out of order). What was acknowledged is known to the span, so that a test can count it elsewhere.
 */
import { setTimeout as delay } from "node:timers/promises";
import { exportRequest, postSpans, type ForeignSpan } from "./otlp-json.ts";
import { Random } from "./random.ts";

export interface StormOptions {
  readonly otlpUrl: string;
  readonly seed: number;
  readonly senders: number;
  readonly service: string;
}

const BATCH_SPANS_MAX = 200;
const RETRY_PAUSE_MS = 20;
const DOUBLED = 0.2;
const HELD_BACK = 0.1;
const HELD_MAX = 8;
const TAKEN_MAX = 12;
/** gpt-4o-mini: 1,000 input tokens at $0.15 and 100 output tokens at $0.60 per million. */
export const STORM_SPAN_NANO_USD = 210_000n;

export class StormSender {
  readonly #options: StormOptions;
  readonly #random: Random;
  readonly #loops: readonly Promise<void>[];
  /** The latest batches that were acknowledged. */
  readonly #taken: string[] = [];
  #held: { readonly request: string; readonly spans: number }[] = [];
  #isStopping = false;
  #acknowledged = 0;
  #batches = 0;
  #doubled = 0;
  #late = 0;

  constructor(options: StormOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#loops = Array.from({ length: options.senders }, () => this.#run());
  }

  /** Spans that the processor has taken responsibility for. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Ends when everything begun is acknowledged. */
  async finish(): Promise<{
    readonly acknowledged: number;
    readonly batches: number;
    readonly doubled: number;
    readonly late: number;
  }> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    const held = this.#held;
    this.#held = [];
    for (const batch of held) await this.#deliver(batch);
    return { acknowledged: this.#acknowledged, batches: this.#batches, doubled: this.#doubled, late: this.#late };
  }

  /** Sends the latest acknowledged batches once more, as clients do that never heard the answer. */
  async repeat(): Promise<void> {
    for (const request of this.#taken.slice()) await this.#sendUntilTaken(request);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const spans = this.#random.between(1, BATCH_SPANS_MAX);
      const batch = { request: this.#batch(spans), spans };
      if (this.#random.chance(HELD_BACK) && this.#held.length < HELD_MAX) {
        this.#held.push(batch);
        continue;
      }
      await this.#deliver(batch);
      const late = this.#random.chance(HELD_BACK) ? this.#held.shift() : undefined;
      if (late !== undefined) {
        this.#late += 1;
        await this.#deliver(late);
      }
    }
  }

  async #deliver({ request, spans }: { readonly request: string; readonly spans: number }): Promise<void> {
    await this.#sendUntilTaken(request);
    this.#acknowledged += spans;
    this.#batches += 1;
    this.#taken.push(request);
    if (this.#taken.length > TAKEN_MAX) this.#taken.shift();
    if (!this.#random.chance(DOUBLED)) return;
    this.#doubled += 1;
    await this.#sendUntilTaken(request);
  }

  async #sendUntilTaken(request: string): Promise<void> {
    while (!(await this.#isTaken(request))) await delay(RETRY_PAUSE_MS);
  }

  async #isTaken(request: string): Promise<boolean> {
    try {
      const response = await postSpans(this.#options.otlpUrl, request);
      await response.arrayBuffer();
      return response.status === 200;
    } catch {
      // Nobody listens right now, or the answer was lost.
      return false;
    }
  }

  #batch(spans: number): string {
    const hex = (digits: number): string =>
      Array.from({ length: digits / 4 }, () => this.#random.below(0x10000).toString(16).padStart(4, "0")).join("");
    const traceId = `1${hex(32).slice(1)}`;
    const calls = Array.from({ length: spans }, (): ForeignSpan => ({
      ...CALL,
      traceId,
      spanId: `1${hex(16).slice(1)}`,
    }));
    return JSON.stringify(exportRequest({ "service.name": this.#options.service }, calls));
  }
}

const CALL: ForeignSpan = {
  name: "chat gpt-4o-mini",
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 100,
  },
};
