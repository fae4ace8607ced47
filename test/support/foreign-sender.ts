/** A sender that never stops sending: posts batches of priced spans, and each again (the same bytes) until it is acknowledged. */
import { setTimeout as delay } from "node:timers/promises";
import { exportRequest, postSpans, type ForeignSpan } from "./otlp-json.ts";

const SPANS_IN_BATCH = 5;
const RETRY_PAUSE_MS = 20;
const INTERVAL_MS = 10;
/** gpt-4o-mini: 1,000 input tokens at $0.15 and 100 output tokens at $0.60 per million. */
const COST_NANO_USD = 210_000n;

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

export class ForeignSender implements AsyncDisposable {
  readonly #otlpUrl: string;
  readonly #loop: Promise<void>;
  #isStopping = false;
  #acknowledged = 0;

  constructor(otlpUrl: string) {
    this.#otlpUrl = otlpUrl;
    this.#loop = this.#run();
  }

  /** Stops after the batch in hand is acknowledged, and says what was. */
  async finish(): Promise<{ readonly acknowledged: number; readonly nanoUsd: bigint }> {
    this.#isStopping = true;
    await this.#loop;
    return { acknowledged: this.#acknowledged, nanoUsd: BigInt(this.#acknowledged) * COST_NANO_USD };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const spans = Array.from({ length: SPANS_IN_BATCH }, () => CALL);
      const request = JSON.stringify(exportRequest({ "service.name": "foreign-sender" }, spans));
      while (!(await this.#send(request))) await delay(RETRY_PAUSE_MS);
      this.#acknowledged += SPANS_IN_BATCH;
      await delay(INTERVAL_MS);
    }
  }

  async #send(request: string): Promise<boolean> {
    try {
      const response = await postSpans(this.#otlpUrl, request);
      await response.arrayBuffer();
      return response.status === 200;
    } catch {
      // Nobody listens right now.
      return false;
    }
  }
}
