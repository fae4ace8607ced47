import type { GatedCall } from "../gate/gated-call.ts";

const abandoned = new FinalizationRegistry<GatedCall>((call) => {
  if (!call.isEnded) call.end(new Error("the answer was never read"));
});

/** Answers that came lately. Nearly all are read at once, and never need the garbage collector's attention. */
let fresh: { readonly answer: object; readonly call: GatedCall }[] = [];
let timer: NodeJS.Timeout | undefined;
const FRESH_MS = 1_000;
const FRESH_MAX = 4_096;

/** An answer that nobody can read any more counts as reserved, some time after the garbage collector has taken `answer`. */
export function endWhenAbandoned(answer: object, call: GatedCall): void {
  fresh.push({ answer, call });
  if (fresh.length >= FRESH_MAX) watchFresh();
  else if (timer === undefined) {
    timer = setTimeout(watchFresh, FRESH_MS);
    timer.unref();
  }
}

function watchFresh(): void {
  clearTimeout(timer);
  timer = undefined;
  const answers = fresh;
  fresh = [];
  for (const { answer, call } of answers) if (!call.isEnded) abandoned.register(answer, call);
}
