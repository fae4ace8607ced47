import type { Consumer } from "../../component/component.ts";
import type { FlowStats } from "../../component/flow.ts";
import { type Outcome, type Rejection, SUCCESS } from "../../component/outcome.ts";
import type { OtlpEncoding } from "../../pdata/otlp/responses.ts";
import type { Clock } from "../../support/clock.ts";
import type { Decoded, Signal } from "./signals.ts";

/** A message as it came, decompressed. */
export interface Message {
  readonly bytes: Buffer;
  readonly encoding: OtlpEncoding;
  readonly sender: string | undefined;
}

/** What became of a message, for either protocol to say in its own words. */
export type Taken =
  | { readonly kind: "taken"; readonly rejected: readonly Rejection[] }
  | { readonly kind: "malformed"; readonly reason: string }
  | { readonly kind: "refused"; readonly outcome: Exclude<Outcome, { kind: "success" }> };

/** The way in of one signal, as the protocols see it: whichever brought a message, it goes through here. */
export interface Intake {
  readonly signal: Pick<Signal<unknown>, "items" | "httpPath" | "grpcMethod" | "rejectedKey">;
  /** Rejects only when the pipeline does, which is a fault of ours: the sender should keep what it sent. */
  take(message: Message): Promise<Taken>;
  stats(): FlowStats;
}

/** Decodes messages of one signal and puts them into its pipeline: one count equation over all protocols. */
export class SignalIntake<Batch> implements Intake {
  readonly signal: Signal<Batch>;
  readonly #next: Consumer<Batch>;
  readonly #clock: Clock;
  readonly #counts = { received: 0, stored: 0, refused: 0, inFlight: 0 };
  #malformed = 0;

  constructor(options: { readonly signal: Signal<Batch>; readonly next: Consumer<Batch>; readonly clock: Clock }) {
    this.signal = options.signal;
    this.#next = options.next;
    this.#clock = options.clock;
  }

  /** Items of well-formed messages. A message that is broken has no items that could be counted. */
  stats(): FlowStats {
    return { ...this.#counts, recovered: 0, dropped: this.#malformed === 0 ? {} : { malformed: this.#malformed } };
  }

  async take({ bytes, encoding, sender }: Message): Promise<Taken> {
    const decoded = this.signal.decode(bytes, encoding);
    if (decoded.kind === "malformed") return decoded;
    const outcome = await this.#consume(decoded, sender);
    if (outcome.kind !== "success") return { kind: "refused", outcome };
    return { kind: "taken", rejected: [...decoded.rejected, ...outcome.rejected] };
  }

  async #consume(decoded: Extract<Decoded<Batch>, { kind: "decoded" }>, sender: string | undefined): Promise<Outcome> {
    const { count, rejected, batch } = decoded;
    const malformed = countOf(rejected);
    this.#counts.received += count + malformed;
    this.#malformed += malformed;
    if (count === 0) return SUCCESS;
    this.#counts.inFlight += count;
    let outcome: Outcome | undefined;
    try {
      outcome = await this.#next.consume(batch({ sender, receivedUnixMs: this.#clock.now() }));
      return outcome;
    } finally {
      this.#counts.inFlight -= count;
      // Of a batch that is taken, processors may have rejected some: those are the sender's again.
      const stored = outcome?.kind === "success" ? count - countOf(outcome.rejected) : 0;
      this.#counts.stored += stored;
      this.#counts.refused += count - stored;
    }
  }
}

function countOf(rejected: readonly Rejection[]): number {
  return rejected.reduce((sum, item) => sum + item.count, 0);
}
