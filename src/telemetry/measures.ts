import { ANSWER_SECONDS, DurationHistogram } from "./histogram.ts";
import { LabelledHistogram } from "./labelled-histogram.ts";
import { Lag } from "./lag.ts";

/** What the parts of the service measure as it happens; `/metrics` and `status` read it. */
export class Measures {
  /** Span end → counted in the ledger. */
  readonly counted: Lag;
  /** Call end → visible in ClickHouse. */
  readonly visible: Lag;
  /** Inserts that ClickHouse has taken, and those that failed. */
  readonly inserts: { readonly ok: DurationHistogram; readonly failed: DurationHistogram };
  /** Answers of the `api` by route and status. */
  readonly requests: LabelledHistogram<"transport" | "route" | "status">;
  readonly #monotonic: () => number;
  #insertedBytes = 0;

  /** `monotonic`: milliseconds that never go back. */
  constructor(options: { readonly monotonic: () => number }) {
    const { monotonic } = options;
    this.#monotonic = monotonic;
    const answers = { bounds: ANSWER_SECONDS, monotonic };
    this.counted = new Lag({ monotonic });
    this.visible = new Lag({ monotonic });
    this.inserts = { ok: new DurationHistogram(answers), failed: new DurationHistogram(answers) };
    this.requests = new LabelledHistogram(answers);
  }

  /** Bytes of blocks in inserts that succeeded. */
  get insertedBytes(): number {
    return this.#insertedBytes;
  }

  /** Runs one insert of a block of `bytes` and measures it. */
  async insert<T>(bytes: number, run: () => Promise<T>): Promise<T> {
    const startedMs = this.#monotonic();
    const seconds = (): number => (this.#monotonic() - startedMs) / 1_000;
    try {
      const result = await run();
      this.inserts.ok.observe(seconds());
      this.#insertedBytes += bytes;
      return result;
    } catch (error) {
      this.inserts.failed.observe(seconds());
      throw error;
    }
  }
}
