/**
 * What happened to the ledger, as the journal keeps it: results, not commands, so that replaying an old journal never
 * decides anything anew. Everything that the state holds comes from these; `at` is ledger time (Unix ms, never goes back).
 */
import type { Amounts } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import type { Labels, Threshold } from "../ledger.ts";
import type { LedgerPast } from "../past.ts";
import type { Raise } from "./limit.ts";
import type { Instance } from "./state.ts";

interface Observed<Amount> {
  readonly event: "observed";
  readonly at: number;
  readonly token: string;
  /** Spend that no lease covers. */
  readonly foreign: readonly { readonly labels: Labels; readonly amounts: Amount }[];
  /** Spend of calls that hold a lease: counts only once that lease is over, and only what it has not reported. */
  readonly leased: readonly { readonly id: string; readonly amounts: Amount }[];
}

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
  | {
      readonly event: "closed";
      readonly at: number;
      readonly id: string;
      readonly settled: Amounts;
      /** Nothing was spent of it: not remembered, so that its id can be opened again. */
      readonly forget?: true;
    }
  | { readonly event: "expired"; readonly at: number; readonly id: string }
  /** The grace of an expired lease is over: what no span has claimed comes free. */
  | { readonly event: "released"; readonly at: number; readonly id: string }
  | Observed<Amounts>
  /** These budgets have a past that the ledger does not know: nothing is granted of hard ones until it does, or then. */
  | {
      readonly event: "awaiting";
      readonly at: number;
      readonly budgets: readonly string[];
      readonly untilMs: number;
      readonly isFresh: boolean;
    }
  /** The past of budgets, as ClickHouse has it. */
  | {
      readonly event: "seeded";
      readonly at: number;
      readonly groups: LedgerPast["groups"];
      readonly leases: LedgerPast["leases"];
      readonly withheld: readonly (Instance & { readonly amount: bigint })[];
      readonly withheldUntilMs: number;
      readonly closedUntilMs: number;
    }
  /** A threshold of a budget instance fired: once a window. */
  | {
      readonly event: "threshold";
      readonly at: number;
      readonly key: string;
      readonly atPercent: number;
      readonly act: Threshold["do"];
    }
  /** Somebody lets a budget spend more for a time. */
  | { readonly event: "raised"; readonly at: number; readonly raise: Raise }
  /** The time of a raise is over. */
  | { readonly event: "lapsed"; readonly at: number; readonly id: string }
  /** What no longer matters was forgotten. */
  | { readonly event: "swept"; readonly at: number };

/** How an event stands in the journal: as it is, with integers past 2^53 as text. */
export type Written<T> = T extends bigint
  ? string
  : T extends Amounts
    ? string
    : T extends object
      ? { readonly [Key in keyof T]: Written<T[Key]> }
      : T;

/** Any integer of fewer digits is a number without loss. */
const EXACT_DIGITS = 16;

/** One line of JSON. What calls bring about, twice each, is put together by hand: that costs a third. */
export function encodeEvent(event: LedgerEvent): string {
  switch (event.event) {
    case "lease": {
      const { at, id, seq, settled, granted, opened } = event;
      const amounts = `"settled":"${writeAmounts(settled)}","granted":"${writeAmounts(granted)}"`;
      const more = opened === undefined ? "" : `,"opened":${JSON.stringify(opened)}`;
      return `{"event":"lease","at":${at},"id":${JSON.stringify(id)},"seq":${seq},${amounts}${more}}`;
    }
    case "reported":
    case "closed": {
      const { event: kind, at, id, settled } = event;
      const more = event.event === "closed" && event.forget === true ? ',"forget":true' : "";
      return `{"event":"${kind}","at":${at},"id":${JSON.stringify(id)},"settled":"${writeAmounts(settled)}"${more}}`;
    }
    default:
      return JSON.stringify(written(event));
  }
}

/** The one line of which there are millions, as `encodeEvent` writes it; integers of at most 15 digits are exact as numbers. */
const LEASE_LINE =
  /^\{"event":"lease","at":(\d{1,15}),"id":"([^"\\]*)","seq":(\d{1,15}),"settled":"(\d{1,15}) (\d{1,15}) (\d{1,15})","granted":"(\d{1,15}) (\d{1,15}) (\d{1,15})"\}$/;

/** Throws `SyntaxError` for what is no event. The journal's checksum vouches for what is in it. */
export function decodeEvent(line: string): LedgerEvent {
  return readLeaseLine(line) ?? readLine(line);
}

function readLeaseLine(line: string): LedgerEvent | undefined {
  const found = LEASE_LINE.exec(line);
  if (found === null) return undefined;
  const [, at = "", id = "", seq = "", nanoUsd = "", tokens = "", calls = "", ...granted] = found;
  const [grantedNanoUsd = "", grantedTokens = "", grantedCalls = ""] = granted;
  return {
    event: "lease",
    at: Number(at),
    id,
    seq: Number(seq),
    settled: amountsOf([nanoUsd, tokens, calls]),
    granted: amountsOf([grantedNanoUsd, grantedTokens, grantedCalls]),
  };
}

function readLine(line: string): LedgerEvent {
  const event = JSON.parse(line) as Written<LedgerEvent>;
  switch (event.event) {
    case "configured":
      return { ...event, budgets: event.budgets.map(readBudget) };
    case "lease":
      return { ...event, settled: readAmounts(event.settled), granted: readAmounts(event.granted) };
    case "reported":
    case "closed":
      return { ...event, settled: readAmounts(event.settled) };
    case "observed":
      return mapObserved(event, readAmounts);
    case "seeded":
      return readSeeded(event);
    case "raised":
      return { ...event, raise: readRaise(event.raise) };
    case "awaiting":
    case "lapsed":
    case "resumed":
    case "expired":
    case "released":
    case "threshold":
    case "swept":
      return event;
    default:
      throw new SyntaxError(`an event that is not known here: ${line.slice(0, 80)}`);
  }
}

type OfCalls = "lease" | "reported" | "closed";

function written(event: Exclude<LedgerEvent, { event: OfCalls }>): Exclude<Written<LedgerEvent>, { event: OfCalls }> {
  switch (event.event) {
    case "configured":
      return { ...event, budgets: event.budgets.map(writeBudget) };
    case "observed":
      return mapObserved(event, writeAmounts);
    case "seeded":
      return writeSeeded(event);
    case "raised":
      return { ...event, raise: writeRaise(event.raise) };
    case "awaiting":
    case "lapsed":
    case "resumed":
    case "expired":
    case "released":
    case "threshold":
    case "swept":
      return event;
  }
}

/** From amounts as they are to those that are written, or the other way. */
function mapObserved<From, To>(event: Observed<From>, amountsOf: (amounts: From) => To): Observed<To> {
  return {
    ...event,
    foreign: event.foreign.map(({ labels, amounts }) => ({ labels, amounts: amountsOf(amounts) })),
    leased: event.leased.map(({ id, amounts }) => ({ id, amounts: amountsOf(amounts) })),
  };
}

type Seeded = Extract<LedgerEvent, { event: "seeded" }>;

function writeSeeded(event: Seeded): Written<Seeded> {
  return {
    ...event,
    groups: event.groups.map(({ budgets, spends }) => ({
      budgets,
      spends: spends.map(({ gated, observed, ...spend }) => ({
        ...spend,
        gated: writeAmounts(gated),
        observed: writeAmounts(observed),
      })),
    })),
    leases: event.leases.map(({ settled, ...lease }) => ({ ...lease, settled: writeAmounts(settled) })),
    withheld: event.withheld.map(({ amount, ...instance }) => ({ ...instance, amount: amount.toString() })),
  };
}

function readSeeded(event: Written<Seeded>): Seeded {
  return {
    ...event,
    groups: event.groups.map(({ budgets, spends }) => ({
      budgets,
      spends: spends.map(({ gated, observed, ...spend }) => ({
        ...spend,
        gated: readAmounts(gated),
        observed: readAmounts(observed),
      })),
    })),
    leases: event.leases.map(({ settled, ...lease }) => ({ ...lease, settled: readAmounts(settled) })),
    withheld: event.withheld.map(({ amount, ...instance }) => ({ ...instance, amount: BigInt(amount) })),
  };
}

/** The measures in the order of `Amounts`, kinds last and only where they are told; what has no price only where there is some. */
export function writeAmounts({ nanoUsd, tokens, calls, kinds }: Amounts): string {
  const base = `${nanoUsd} ${tokens} ${calls}`;
  if (kinds === undefined) return base;
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens, toolCalls, unpricedCalls, unpricedTokens } = kinds;
  const told = `${base} ${inputTokens} ${outputTokens} ${cachedTokens} ${reasoningTokens} ${toolCalls}`;
  return unpricedCalls === 0n && unpricedTokens === 0n ? told : `${told} ${unpricedCalls} ${unpricedTokens}`;
}

export function readAmounts(text: string): Amounts {
  const parts = text.split(" ");
  const [nanoUsd = "", tokens = "", calls = ""] = parts;
  const base = amountsOf([nanoUsd, tokens, calls]);
  if (parts.length === 3) return base;
  if (parts.length !== 8 && parts.length !== 10) {
    throw new SyntaxError("amounts are three, or eight with kinds, or ten with what has no price");
  }
  const [inputTokens = 0n, outputTokens = 0n, cachedTokens = 0n, reasoningTokens = 0n, ...more] = parts
    .slice(3)
    .map(readInteger);
  const [toolCalls = 0n, unpricedCalls = 0n, unpricedTokens = 0n] = more;
  const kinds = { inputTokens, outputTokens, cachedTokens, reasoningTokens, toolCalls, unpricedCalls, unpricedTokens };
  return { ...base, kinds };
}

function amountsOf([nanoUsd, tokens, calls]: readonly [string, string, string]): Amounts {
  return { nanoUsd: readInteger(nanoUsd), tokens: readInteger(tokens), calls: readInteger(calls) };
}

/** A million of these are read at a restart: what a number holds exactly is read as one, which is faster. */
function readInteger(text: string): bigint {
  if (text === "0") return 0n;
  return text.length < EXACT_DIGITS ? BigInt(Number(text)) : BigInt(text);
}

export function writeRaise(raise: Raise): Written<Raise> {
  return { ...raise, amount: raise.amount.toString() };
}

export function readRaise(written: Written<Raise>): Raise {
  return { ...written, amount: BigInt(written.amount) } as Raise;
}

export function writeBudget(budget: Budget): Written<Budget> {
  const { exceptions, thresholds } = budget;
  return {
    ...budget,
    limit: budget.limit.toString(),
    ...(exceptions && { exceptions: mapValues(exceptions, String) }),
    thresholds: thresholds.map((threshold) => {
      const { finalisation } = threshold;
      return { ...threshold, ...(finalisation !== undefined && { finalisation: finalisation.toString() }) };
    }),
  } as Written<Budget>;
}

export function readBudget(written: Written<Budget>): Budget {
  const { exceptions, thresholds } = written;
  return {
    ...written,
    each: written.each,
    limit: BigInt(written.limit),
    ...(exceptions && { exceptions: mapValues(exceptions, BigInt) }),
    thresholds: thresholds.map((threshold) => {
      const { finalisation } = threshold;
      return { ...threshold, ...(finalisation !== undefined && { finalisation: BigInt(finalisation) }) };
    }),
  } as Budget;
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, fn: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, fn(value)]));
}
