import { errorText } from "../telemetry/error-text.ts";
import { EXIT } from "./exit.ts";

/** 128 + SIGPIPE: what a shell's own tools end with when nobody reads on. */
const READER_GONE = 141;

/**
 * What happens when standard output or error can't be written to (its reader has ended, its disk is full). Node would
 * end the process with a stack. A command that outlives its reader goes on, and writes again when it can; any other
 * ends, silently when there is nobody to read (`tollgate traces | head`).
 */
export function guardStandardStreams(options: { readonly outlivesReader: boolean }): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (options.outlivesReader) return;
    if (error.code === "EPIPE") process.exit(READER_GONE);
    process.stderr.write(`tollgate: cannot write to standard output: ${errorText(error)}\n`);
    process.exit(EXIT.finding);
  });
}
