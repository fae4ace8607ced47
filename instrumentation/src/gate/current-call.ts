/**
 * The gated call that the running code works for. An SDK's request goes through `fetch` or `node:http`, where the wire
 * (wire/) would see it again: what is sent in the context of a call passes there, so that nothing is reserved twice.
 */
import { context } from "@opentelemetry/api";
import type { SentBody } from "./sent-body.ts";
import { callIn, SendingContext, sendsIn } from "./call-context.ts";
import type { Departure } from "./departure.ts";

/** What a request on the wire has to know of the call above it. */
export interface CallInFlight {
  readonly isEnded: boolean;
  /**
   * The provider has answered the admitted attempt. Each admission pays for one answer: code that runs later in the same
   * context (a listener of the answer) is the app's again, and what it sends is gated by itself.
   */
  isAnswered: boolean;
  /** What was set aside for its attempt is settled or given back: nothing is left for another request. @default false */
  readonly isSpent?: boolean;
  /** It covers the request that opens a socket, and no other. @default false */
  readonly isOpening?: boolean;
  /** The request that is on its way: another one beside it (a hedge, by an app's own `fetch`) is a call of its own. */
  sent?: SentRequest | undefined;
  /** Where `fetch` sends it: undici, which is asked next, need not look at it again. */
  hop?: Hop | undefined;
  /** Of a request whose body the app's own code may still change. */
  readonly body?: SentBody | undefined;
  /** Of the attempt that is on its way. */
  readonly departure?: Departure | undefined;
  /** Nobody will answer what has left: it counts as what was reserved. */
  giveUpAttempt?(): void;
}

/** What puts requests on the wire, from the top to the bottom: each may send by those after it. */
export type Sender = "fetch" | "undici" | "http" | "http2";

export interface SentRequest {
  readonly via: Sender;
}

/** As undici's `dispatch` names a destination. */
export interface Hop {
  readonly origin: string;
  readonly path: string;
}

/** What each of them may send by. */
const SENDS_BY: Readonly<Record<Sender, readonly Sender[]>> = {
  fetch: ["undici", "http", "http2"],
  undici: ["http2"],
  http: [],
  http2: [],
};

/** A request of a call, as somebody sends it. */
export interface Sending {
  /** Sends it: what `send` puts on the wire is this request, not one beside it. */
  readonly within: <T>(send: () => T) => T;
  /** It is answered, or has failed. */
  readonly stop: () => void;
}

const SEEN_ALREADY: Sending = { within: (send) => send(), stop: () => {} };

/** `via` sends the request of `by`, unless somebody above it does already. */
export function startSending(by: CallInFlight, via: Sender | undefined): Sending {
  if (via === undefined || by.sent !== undefined) return SEEN_ALREADY;
  const sent: SentRequest = { via };
  by.sent = sent;
  return {
    within: (send) => context.with(new SendingContext(context.active(), via), send),
    stop: () => {
      // An attempt that was given up may end after the next one has begun.
      if (by.sent === sent) by.sent = undefined;
    },
  };
}

/** Whether what `via` is about to send is, or may be, the request of `by`: not one beside that which is on its way. */
export function isRequestOf(by: CallInFlight, via: Sender | undefined): boolean {
  if (via === undefined || by.sent === undefined) return true;
  return SENDS_BY[by.sent.via].includes(via) && isSentBy(by.sent.via);
}

/**
 * Whether what `via` is about to send comes after a request of `by` that has left and was never answered: the app's own code tries again, and
 * the provider may bill both.
 */
export function isSentAgain(by: CallInFlight, via: Sender | undefined): boolean {
  return via !== undefined && by.sent === undefined && by.departure?.mayHaveLeft === true;
}

/** An answer to the request of `by`: one that is no result is not billed. */
export function answerTo(by: CallInFlight, status: number): void {
  if (status >= 200 && status < 300) by.isAnswered = true;
  else if (status >= 300) by.departure?.refused();
}

/** Whether the running code works for a request that somebody sends who is seen. */
export function isSentByAny(): boolean {
  return sendsIn(context.active()) !== undefined;
}

/** Whether the running code works for a request that `sender` sends. */
export function isSentBy(sender: Sender): boolean {
  return sendsIn(context.active()) === sender;
}

/** The call whose admission covers a request that is sent here and now; `undefined`: nobody has gated it. */
export function callInFlight(): CallInFlight | undefined {
  const call = callIn(context.active());
  return call === undefined || call.isEnded || call.isAnswered ? undefined : call;
}
