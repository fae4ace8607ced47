import type { TollgateError } from "../errors.ts";
import type { Body } from "./endpoint.ts";

/** Do not call: this text is the answer, in place of throwing the error. */
export interface AnswerPlan {
  readonly do: "answer";
  readonly text: string;
  readonly error: TollgateError;
}

/** What to do with an attempt. */
export type AttemptPlan =
  | { readonly do: "send"; readonly body: Body }
  | AnswerPlan
  /** The app gave the call up while it waited: let the SDK say so in its own words. */
  | { readonly do: "pass" };
