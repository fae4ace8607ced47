/** What comes of asking whether a call may be made, and what is known of it until then. */
import type { TollgateError } from "../errors.ts";
import { smallest } from "../lease/amounts.ts";
import type { Amounts } from "../lease/amounts.ts";
import { UNLIMITED } from "../lease/purse.ts";
import type { Purse, Reservation, Want } from "../lease/purse.ts";
import type { ModelPrice } from "../pricing/price-book.ts";
import type { LeaseBudget } from "../protocol.ts";
import type { CallBounds } from "./call-bound.ts";
import type { Downgraded } from "./downgrade.ts";
import type { Body, RequestFacts } from "./endpoint.ts";
import type { GatedCall } from "./gated-call.ts";

/** Money is set aside and the request may go. */
export interface Admission {
  readonly outcome: "admitted";
  /** As sent: the model may be a fallback. */
  readonly facts: RequestFacts;
  readonly bounds: CallBounds;
  /** Output tokens of one answer that the reservation covers. */
  readonly output: number;
  readonly isLowered: boolean;
  readonly body: Body;
  readonly reservations: readonly Reservation[];
  readonly reserved: bigint;
  readonly leaseId: string;
  readonly budgets: readonly LeaseBudget[];
  /** Set when nobody could be asked and the call goes all the same. */
  readonly failure: "open" | undefined;
  /** Of the model that was asked for, where another one is sent. */
  readonly askedPrice: ModelPrice | undefined;
}

export type AdmissionOutcome =
  | Admission
  | { readonly outcome: "aborted" }
  /** The guard answers instead of calling. */
  | { readonly outcome: "answered"; readonly text: string; readonly error: TollgateError };

export interface AdmissionDraft {
  readonly call: GatedCall;
  readonly facts: RequestFacts;
  readonly bounds: CallBounds;
  readonly want: Want;
  readonly held: Reservation[];
  readonly change: Downgraded;
  readonly labels: CallLabels;
  /** `undefined`: no processor. */
  readonly fleet: Purse | undefined;
}

/** What budgets tell calls apart by. */
export type CallLabels = Readonly<Record<string, string>>;

/** What all of them cover. */
export function leastOf(held: readonly Reservation[]): Amounts {
  let least: Amounts = { nanoUsd: UNLIMITED, tokens: UNLIMITED, calls: UNLIMITED };
  for (const { amounts } of held) least = smallest(least, amounts);
  return least;
}
