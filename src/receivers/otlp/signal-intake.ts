import type { Consumer } from "../../component/component.ts";
import type { FlowStats } from "../../component/flow.ts";
import { type Outcome, type Rejection, SUCCESS } from "../../component/outcome.ts";
import { countOf, PassingFlow } from "../../component/passing-flow.ts";
import type { OtlpEncoding } from "../../pdata/otlp/responses.ts";
import type { BufferLease } from "../../support/buffer-pool.ts";
import type { Clock } from "../../support/clock.ts";
import type { Decoded, Signal } from "./signals.ts";

/** A message as it came, decompressed. */
export interface Message {
  readonly bytes: Buffer;
  readonly encoding: OtlpEncoding;
  readonly sender: string | undefined;
  /** What the message lies in, and what is taken to read it: given back once the pipeline has answered. */
  readonly buffers: BufferLease;
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
  readonly #flow = new PassingFlow();

  constructor(options: { readonly signal: Signal<Batch>; readonly next: Consumer<Batch>; readonly clock: Clock }) {
    this.signal = options.signal;
    this.#next = options.next;
    this.#clock = options.clock;
  }

  /** Items of well-formed messages. A message that is broken has no items that could be counted. */
  stats(): FlowStats {
    return this.#flow.stats();
  }

  async take(message: Message): Promise<Taken> {
    const { bytes, encoding, buffers } = message;
    const decoded = this.signal.decode(bytes, encoding, buffers);
    const taken = decoded.kind === "malformed" ? decoded : await this.#put(decoded, message);
    // Not where the pipeline throws: a part of it may be at work on the spans.
    buffers.giveBack();
    return taken;
  }

  async #put(decoded: DecodedBatch<Batch>, message: Message): Promise<Taken> {
    const outcome = await this.#consume(decoded, message);
    if (outcome.kind !== "success") return { kind: "refused", outcome };
    return { kind: "taken", rejected: [...decoded.rejected, ...outcome.rejected] };
  }

  async #consume(decoded: DecodedBatch<Batch>, { sender, buffers }: Message): Promise<Outcome> {
    const { count, rejected, batch } = decoded;
    this.#flow.drop(countOf(rejected), "malformed");
    if (count === 0) return SUCCESS;
    return this.#flow.pass(count, async () => {
      const arrival = { sender, receivedUnixMs: this.#clock.now(), keep: () => buffers.keep() };
      return { outcome: await this.#next.consume(batch(arrival)) };
    });
  }
}

type DecodedBatch<Batch> = Extract<Decoded<Batch>, { kind: "decoded" }>;
