/** A call whose answer somebody may stop reading without a word. */
interface Readable {
  readonly isEnded: boolean;
  /** What is to be read: the last that was named for the call. `undefined`: nothing, or the garbage collector is asked already. */
  unread: object | undefined;
  end(error: unknown): void;
  /** What is done where nobody can read it any more. @default it ends with an error that says so */
  abandon?(): void;
}

const abandoned = new FinalizationRegistry<Readable>((call) => {
  if (call.isEnded) return;
  if (call.abandon === undefined) call.end(new Error("the answer was never read"));
  else call.abandon();
});

/** Whose answers came lately. Nearly all are read at once, and never need the garbage collector's attention. */
const fresh = new Set<Iterable<object>>();
let count = 0;
let timer: NodeJS.Timeout | undefined;
const FRESH_MS = 1_000;
const FRESH_MAX = 4_096;

/**
 * An answer that nobody can read any more counts as reserved, some time after the garbage collector has taken it. The call, which is among the
 * `open` ones, holds it until then: a table of all that came in the last second would keep each of them until it is costly to collect.
 */
export function endWhenAbandoned(call: Readable, answer: object, open: Iterable<object>): void {
  if (call.isEnded) return;
  call.unread = answer;
  fresh.add(open);
  count += 1;
  if (count >= FRESH_MAX) watchFresh();
  else if (timer === undefined) {
    timer = setTimeout(watchFresh, FRESH_MS);
    timer.unref();
  }
}

function watchFresh(): void {
  clearTimeout(timer);
  timer = undefined;
  count = 0;
  for (const open of fresh) {
    for (const call of open) {
      const { unread } = call as Partial<Readable>;
      if (unread === undefined) continue;
      (call as Readable).unread = undefined;
      abandoned.register(unread, call as Readable);
    }
  }
  fresh.clear();
}
