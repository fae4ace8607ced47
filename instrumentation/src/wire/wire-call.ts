import type { Context } from "@opentelemetry/api";
import type { GatedCall } from "../gate/gated-call.ts";
import { AnswerTap } from "../stainless/answer-tap.ts";
import type { AnswerHead } from "../stainless/answer-tap.ts";

/** What goes on the wire. */
export interface WireChange {
  /** `undefined`: the app's own bytes. */
  readonly body: string | undefined;
  /** `undefined`: the app's own path. */
  readonly path: string | undefined;
  /** Nothing may be changed, headers included. */
  readonly isFrozen: boolean;
}

/** One admitted request of an app, until its answer is read. */
export class WireCall {
  readonly call: GatedCall;
  readonly change: WireChange;

  constructor(call: GatedCall, change: WireChange) {
    this.call = call;
    this.change = change;
  }

  /** For what sends it: lower layers see that it is gated. */
  get context(): Context {
    return this.call.context;
  }

  /** Aborts when the app gives up, or somebody stops the agent. */
  get signal(): AbortSignal {
    return this.call.signal;
  }

  get isStreamed(): boolean {
    return this.call.options.facts.isStreamed;
  }

  /** What the app gets in place of an error that the gate itself brought about. */
  errorFor(error: unknown): unknown {
    return this.call.stopped ?? error;
  }

  /** The head of the answer is there. `undefined`: it is no result, and nothing is charged. */
  answered(status: number, head: AnswerHead): AnswerTap | undefined {
    if (status >= 200 && status < 300) return new AnswerTap(this.call, head);
    this.call.releaseAttempt();
    this.call.end({ status });
    return undefined;
  }

  /** No answer. What was sent may have been billed. */
  failed(error: unknown, { wasSent }: { readonly wasSent: boolean }): void {
    if (wasSent) this.call.giveUpAttempt(error);
    else this.call.releaseAttempt();
    this.call.end(this.errorFor(error));
  }
}
