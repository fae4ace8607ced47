import type { Purse } from "../lease/purse.ts";
import type { TollgateError } from "../errors.ts";

/** What `guard()` has to say about the calls of one client. */
export interface CallGuard {
  readonly purse: Purse;
  readonly name: string;
  readonly isHard: boolean;
  /** The model to send instead of `model`; throws `AgentKilled` for a client that was killed. */
  chooseModel(model: string): string;
  /** A text to answer with, instead of throwing `error`. */
  onRefused(error: TollgateError): string | undefined;
  /** A call has ended that was made, over all its attempts. */
  onSettled(): void;
}
