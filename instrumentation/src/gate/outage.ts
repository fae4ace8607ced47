import type { Config } from "../config/config.ts";
import type { Logger } from "../config/logger.ts";
import { GateUnavailable } from "../errors.ts";
import { REFUSED } from "../lease/transport.ts";

/** What becomes of work that the processor should have been asked about, and was not. */
export interface Outage {
  readonly mode: "closed" | "open";
  /** To be thrown where nothing goes unasked. */
  readonly error: GateUnavailable | undefined;
}

/** Decides, and says once in the log what the error says each time: what is wrong, where, what comes of it and by which setting. */
export function meetOutage(
  { config, logger }: { readonly config: Config; readonly logger: Logger },
  { what, reason, isHard }: { readonly what: "calls" | "tools"; readonly reason: string; readonly isHard: boolean },
): Outage {
  const mode = config.failMode ?? (isHard ? "closed" : "open");
  const where = config.endpoint?.origin ?? "";
  const isClosed = mode === "closed";
  const byDefault = isClosed ? "a hard limit stands behind them, or may" : "no hard limit stands behind them";
  const why = config.failMode === undefined ? `${byDefault}; TOLLGATE_FAIL_MODE is not set` : "by TOLLGATE_FAIL_MODE";
  const outcome = `${what} ${isClosed ? "are refused" : "go unchecked"} (fail mode ${mode}: ${why})`;
  const text = `${problemOf(reason, where)}: ${outcome}`;
  logger.once("warn", `${what}:${mode}:${where}`, text);
  return { mode, error: isClosed ? new GateUnavailable(text) : undefined };
}

/** A credential that is refused mends itself no more than a processor that is away, but elsewhere. */
function problemOf(reason: string, where: string): string {
  return reason.startsWith(REFUSED)
    ? `the processor at ${where} refuses this process (${reason.slice(REFUSED.length)})`
    : `no answer from the processor at ${where} (${reason})`;
}
