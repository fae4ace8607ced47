import { BudgetExceeded, ConfigInvalid } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import { LocalPurse } from "../lease/purse.ts";
import type { NanoUsd } from "../pricing/money.ts";
import type { Gate } from "./gate.ts";

/** Why no call of who asks here can be made now, whatever it is. `undefined`: that depends on the call, or on what the ledger says to it. */
export function standingRefusal(gate: Gate): TollgateError | undefined {
  const { problems } = gate.config;
  if (problems.length > 0) return new ConfigInvalid(problems);
  const who = gate.who();
  if (who.problem !== undefined) return new ConfigInvalid([who.problem]);
  const spent = gate.purses(who.labels).find((purse) => purse instanceof LocalPurse && purse.remaining === 0n);
  return (
    gate.stops.refusal(who) ??
    (spent instanceof LocalPurse ? new BudgetExceeded(spent.refusal(1n as NanoUsd)) : undefined)
  );
}
