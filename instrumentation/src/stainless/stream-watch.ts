import { StreamedText } from "../content/streamed-text.ts";
import type { StreamReader } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { recordProposals } from "../gate/proposals.ts";
import { ProposedCalls } from "../gate/proposed-calls.ts";

/** How long somebody has to say that a stream was left: whoever never does holds the call's money no longer. */
export const LEFT_MS_MAX = 1_000;

/**
 * Reads a streamed answer along, and ends the call by what it showed. What is wrong with our own reading never reaches the app:
 * from the first mistake on nothing is read, and the call counts as reserved.
 */
export class StreamWatch {
  readonly #call: GatedCall;
  #reader: StreamReader | undefined;
  readonly #proposed = new ProposedCalls();
  readonly #text: StreamedText | undefined;

  constructor(call: GatedCall) {
    this.#call = call;
    if (call.contentLengthMax > 0) this.#text = new StreamedText(call.contentLengthMax * 2);
    this.#contained(() => {
      this.#reader = call.options.endpoint.streamReader(call.options.body);
    });
    // Whoever is told by the signal may turn away from the stream without closing it.
    call.onStop((error) => {
      setTimeout(() => this.end({ isComplete: false, error }), LEFT_MS_MAX).unref();
    });
  }

  /** The event as the app may see it; `undefined` for one that the app did not ask for. */
  read(event: unknown): unknown {
    this.#call.firstChunk();
    let shown = event;
    this.#contained(() => {
      const reader = this.#reader;
      if (reader === undefined) return;
      shown = reader.read(event);
      const said = reader.unpacked === undefined ? event : reader.unpacked();
      this.#proposed.read(said);
      this.#text?.read(said);
    });
    return shown;
  }

  /** `unreadBytes`: of what passed and was in no form that is known. It counts as seen. */
  end(how: { readonly isComplete: boolean; readonly error?: unknown; readonly unreadBytes?: number }): void {
    const call = this.#call;
    if (call.isEnded) return;
    const reader = this.#reader;
    const { unreadBytes = 0 } = how;
    if (reader !== undefined) {
      this.#contained(() => recordProposals(call.span, call.who, this.#proposed.all()));
      call.recordOutput(() => this.#text?.messages(this.#proposed.all(), reader.facts().finishReasons) ?? []);
      call.settleBy(
        () => reader.facts(),
        () => ({
          bytes: reader.seenBytes() + unreadBytes,
          isAbandoned: !how.isComplete || unreadBytes > 0,
          input: reader.inputTokens(),
        }),
      );
    }
    call.end(how.error);
  }

  #contained(work: () => void): void {
    try {
      work();
    } catch (problem) {
      this.#reader = undefined;
      this.#call.contain(problem);
    }
  }
}
