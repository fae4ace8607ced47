/**
 * The gated call that the running code works for. An SDK's request goes through `fetch` or `node:http`, where the wire
 * (wire/) would see it again: what is sent in the context of a call passes there, so that nothing is reserved twice.
 */
import { context } from "@opentelemetry/api";
import { callIn } from "./call-context.ts";

/** What a request on the wire has to know of the call above it. */
export interface CallInFlight {
  readonly isEnded: boolean;
  /**
   * The provider has answered the admitted attempt. Each admission pays for one answer: code that runs later in the same
   * context (a listener of the answer) is the app's again, and what it sends is gated by itself.
   */
  isAnswered: boolean;
  /** It covers the request that opens a socket, and no other. @default false */
  readonly isOpening?: boolean;
  /** `fetch` is at its request: another one beside it (a hedge, by an app's own `fetch`) is a call of its own. */
  isFetching?: boolean;
  /** Where `fetch` sends it: undici, which is asked next, need not look at it again. */
  hop?: Hop | undefined;
}

/** As undici's `dispatch` names a destination. */
export interface Hop {
  readonly origin: string;
  readonly path: string;
}

/** The call whose admission covers a request that is sent here and now; `undefined`: nobody has gated it. */
export function callInFlight(): CallInFlight | undefined {
  const call = callIn(context.active());
  return call === undefined || call.isEnded || call.isAnswered ? undefined : call;
}
