import type { CancelTimer } from "./clock.ts";

/** Calls `fn` once, when what else is ready by now has been read. Returns the cancel function. */
export type NextTurn = (fn: () => void) => CancelTimer;

/** By the event loop. The simulation puts its own in the place of it, so that an order of turns comes again. */
export const nextTurn: NextTurn = (fn) => {
  const turn = setImmediate(fn);
  return () => clearImmediate(turn);
};
