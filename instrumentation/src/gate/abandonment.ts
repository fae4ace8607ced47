/** A call whose answer somebody may stop reading without a word. */
interface Readable {
  readonly isEnded: boolean;
  end(error: unknown): void;
}

const abandoned = new FinalizationRegistry<Readable>((call) => {
  if (!call.isEnded) call.end(new Error("the answer was never read"));
});

/** Answers that came lately. Nearly all are read at once, and never need the garbage collector's attention. */
let fresh = new Map<Readable, object>();
let timer: NodeJS.Timeout | undefined;
const FRESH_MS = 1_000;
const FRESH_MAX = 4_096;

/**
 * An answer that nobody can read any more counts as reserved, some time after the garbage collector has taken `answer`: the last one that
 * was named for the call.
 */
export function endWhenAbandoned(answer: object, call: Readable): void {
  if (call.isEnded) return;
  fresh.set(call, answer);
  if (fresh.size >= FRESH_MAX) watchFresh();
  else if (timer === undefined) {
    timer = setTimeout(watchFresh, FRESH_MS);
    timer.unref();
  }
}

/** The call has ended. Held for a second, all answers of a busy process would live long enough to be costly to collect. */
export function forgetAnswer(call: Readable): void {
  fresh.delete(call);
}

function watchFresh(): void {
  clearTimeout(timer);
  timer = undefined;
  const answers = fresh;
  fresh = new Map();
  for (const [call, answer] of answers) abandoned.register(answer, call);
}
