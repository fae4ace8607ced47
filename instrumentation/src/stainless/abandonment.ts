import type { GatedCall } from "../gate/gated-call.ts";

const abandoned = new FinalizationRegistry<GatedCall>((call) => {
  if (!call.isEnded) call.end(new Error("the answer was never read"));
});

/** An answer that nobody can read any more counts as reserved, as soon as the garbage collector has taken `answer`. */
export function endWhenAbandoned(answer: object, call: GatedCall): void {
  abandoned.unregister(call);
  abandoned.register(answer, call, call);
}
