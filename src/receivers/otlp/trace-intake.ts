import type { Consumer } from "../../component/component.ts";
import type { FlowStats } from "../../component/flow.ts";
import type { Outcome } from "../../component/outcome.ts";
import type { DecodedTraces } from "../../pdata/otlp/decoded.ts";
import type { Clock } from "../../support/clock.ts";

/** Who showed which credential. `undefined` as a whole: refused. */
export type Authenticate = (authorization: string | undefined) => { readonly sender: string | undefined } | undefined;

/** What is asked for where nobody is asked who they are. */
export const ANYBODY = { sender: undefined } as const;

/** Where decoded spans go on from, whichever protocol brought them: one count equation for all. */
export class TraceIntake {
  readonly #next: Consumer;
  readonly #clock: Clock;
  readonly #counts = { received: 0, stored: 0, refused: 0, inFlight: 0 };
  #malformed = 0;

  constructor(options: { readonly next: Consumer; readonly clock: Clock }) {
    this.#next = options.next;
    this.#clock = options.clock;
  }

  /** Spans of well-formed messages. A message that is broken has no spans that could be counted. */
  stats(): FlowStats {
    return { ...this.#counts, recovered: 0, dropped: this.#malformed === 0 ? {} : { malformed: this.#malformed } };
  }

  /** Rejects only when the pipeline does, which is a fault of ours: the sender should keep the spans. */
  async consume(decoded: Extract<DecodedTraces, { kind: "decoded" }>, sender: string | undefined): Promise<Outcome> {
    const { spans, rejected } = decoded;
    const malformed = rejected.reduce((sum, item) => sum + item.count, 0);
    this.#counts.received += spans.length + malformed;
    this.#malformed += malformed;
    if (spans.length === 0) return { kind: "success", rejected: [] };
    this.#counts.inFlight += spans.length;
    let outcome: Outcome | undefined;
    try {
      outcome = await this.#next.consume({ spans, sender, receivedUnixMs: this.#clock.now() });
      return outcome;
    } finally {
      this.#counts.inFlight -= spans.length;
      this.#counts[outcome?.kind === "success" ? "stored" : "refused"] += spans.length;
    }
  }
}
