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
