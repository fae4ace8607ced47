/** What the exit code says: 0 fine, 1 a finding, 2 bad usage or config, 3 cannot reach. */
export const EXIT = { fine: 0, finding: 1, usage: 2, unreachable: 3 } as const;

/** Ends a command with a message on stderr and an exit code; no stack is shown. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
