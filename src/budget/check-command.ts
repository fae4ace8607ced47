import { AMOUNT_MAX, isValidAmounts, type Amounts } from "./amounts.ts";
import { LedgerError } from "./ledger-error.ts";
import type { AcquireCommand, Labels, RaiseCommand } from "./ledger.ts";

const ID_LENGTH_MAX = 128;
/** So that a limit and some raises stay within what columns hold. */
const RAISE_MAX = AMOUNT_MAX / 16n;
const RAISE_MS_MAX = 366 * 24 * 60 * 60 * 1000;
const LABELS_MAX = 64;
const LABEL_NAME_LENGTH_MAX = 128;
const LABEL_VALUE_LENGTH_MAX = 1024;

/** Throws `invalid_command` for what no honest client sends. */
export function checkAcquire(command: AcquireCommand): void {
  checkId(command.processId, "process id");
  checkId(command.leaseId, "lease id");
  if (!Number.isSafeInteger(command.seq) || command.seq < 0) refuse("`seq` is no integer from 0 on");
  if (!Number.isFinite(command.waitMs) || command.waitMs < 0) refuse("`wait_ms` is no number from 0 on");
  for (const name of ["settled", "need", "target", "ahead"] as const) checkAmounts(command[name], name);
  if (command.held !== undefined) checkAmounts(command.held, "held");
  checkLabels(command.labels);
}

/** Throws `invalid_command` for an amount or a time that makes no sense. */
export function checkRaise({ id, amount, forMs }: RaiseCommand): void {
  checkId(id, "raise id");
  if (amount <= 0n || amount > RAISE_MAX) refuse(`a raise is above 0 and at most ${RAISE_MAX}`);
  if (!Number.isSafeInteger(forMs) || forMs <= 0 || forMs > RAISE_MS_MAX) refuse("a raise is for 1 ms to 366 days");
}

export function checkId(id: string, what: string): void {
  if (id.length === 0 || id.length > ID_LENGTH_MAX) refuse(`a ${what} has 1 to ${ID_LENGTH_MAX} characters`);
}

export function checkAmounts(amounts: Amounts, name: string): void {
  if (!isValidAmounts(amounts)) refuse(`an amount of \`${name}\` is below 0 or past Int64`);
}

function checkLabels(labels: Labels): void {
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) refuse(`a call has at most ${LABELS_MAX} labels, not ${entries.length}`);
  for (const [name, value] of entries) {
    if (name.length > LABEL_NAME_LENGTH_MAX) refuse(`a label's name has at most ${LABEL_NAME_LENGTH_MAX} characters`);
    if (value.length > LABEL_VALUE_LENGTH_MAX) refuse(`label \`${name}\` is longer than ${LABEL_VALUE_LENGTH_MAX}`);
  }
}

function refuse(why: string): never {
  throw new LedgerError("invalid_command", why);
}
