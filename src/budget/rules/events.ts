/**
 * What happened to the ledger, as the journal keeps it: results, not commands, so that replaying an old journal never
 * decides anything anew. Everything that the state holds comes from these; `at` is ledger time (Unix ms, never goes back).
 */
import type { Amounts } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import type { Labels } from "../ledger.ts";

export type LedgerEvent =
  /** The documents and times in force from here on. Leases and spend are matched anew. */
  | {
      readonly event: "configured";
      readonly at: number;
      readonly ttlMs: number;
      readonly graceMs: number;
      readonly budgets: readonly Budget[];
    }
  /** Time passed in which no lease could be renewed (a restart, a step of the clock): every deadline moves on by it. */
  | { readonly event: "resumed"; readonly at: number; readonly shiftMs: number }
  /** A message of a lease: `settled` and `granted` are its new totals. `opened` on the first one. */
  | {
      readonly event: "lease";
      readonly at: number;
      readonly id: string;
      readonly seq: number;
      readonly settled: Amounts;
      readonly granted: Amounts;
      readonly opened?: { readonly processId: string; readonly labels: Labels };
    }
  /** A report that came out of order, or after the lease expired or closed: raises `settled`, nothing else. */
  | { readonly event: "reported"; readonly at: number; readonly id: string; readonly settled: Amounts }
  | { readonly event: "closed"; readonly at: number; readonly id: string; readonly settled: Amounts }
  | { readonly event: "expired"; readonly at: number; readonly id: string }
  /** The grace of an expired lease is over: what no span has claimed comes free. */
  | { readonly event: "released"; readonly at: number; readonly id: string }
  | {
      readonly event: "observed";
      readonly at: number;
      readonly token: string;
      /** Spend that no lease covers. */
      readonly foreign: readonly { readonly labels: Labels; readonly amounts: Amounts }[];
      /** Spend of calls that hold a lease: counts only once that lease has expired. */
      readonly leased: readonly { readonly id: string; readonly amounts: Amounts }[];
    }
  /** What no longer matters was forgotten. */
  | { readonly event: "swept"; readonly at: number };

const BIGINT = /^-?\d{1,40}n$/;

/** One line of JSON; integers past 2^53 as strings that end in `n`. */
export function encodeEvent(event: LedgerEvent): string {
  return encodeJson(event);
}

/** Throws `SyntaxError` for what is no JSON. The journal's checksum vouches for the rest. */
export function decodeEvent(line: string): LedgerEvent {
  return decodeJson(line) as LedgerEvent;
}

export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? `${item}n` : escapeText(item)));
}

export function decodeJson(line: string): unknown {
  return JSON.parse(line, (_key, item: unknown) => {
    if (typeof item !== "string") return item;
    if (BIGINT.test(item)) return BigInt(item.slice(0, -1));
    return item.startsWith("\\") ? item.slice(1) : item;
  });
}

/** A text of a user that looks like an integer of ours, or like an escape, is escaped. */
function escapeText(item: unknown): unknown {
  return typeof item === "string" && (item.startsWith("\\") || BIGINT.test(item)) ? `\\${item}` : item;
}
