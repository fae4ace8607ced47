/**
 * What a ledger rejects with. Check `code`:
 * - `ledger_unavailable`: nothing is granted and nothing acknowledged: not started, stopped, or the journal could not be written.
 *   After a failed write only a restart helps: memory may be ahead of the disk.
 * - `ledger_locked`: another process holds the directory.
 * - `ledger_corrupt`: the journal is damaged where a crash cannot have done it; the message has file and offset.
 * - `invalid_command`: an amount is negative or past Int64, a name too long, and the like. Nothing was changed.
 */
export class LedgerError extends Error {
  override readonly name = "LedgerError";
  readonly code: "ledger_unavailable" | "ledger_locked" | "ledger_corrupt" | "invalid_command";

  constructor(code: LedgerError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whatever went wrong, as a ledger rejects with it: what is no `LedgerError` yet is `ledger_unavailable`. */
export function toLedgerError(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new LedgerError("ledger_unavailable", why, { cause: error });
}
