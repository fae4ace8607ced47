import { parseNanoUsd } from "../pricing/money.ts";
import type { WireAmounts } from "../protocol.ts";

/** Amounts of the three measures that a budget may have. Integers: nano-dollars, tokens, calls. */
export interface Amounts {
  readonly nanoUsd: bigint;
  readonly tokens: bigint;
  readonly calls: bigint;
}

export const NO_AMOUNTS: Amounts = { nanoUsd: 0n, tokens: 0n, calls: 0n };

export function add(left: Amounts, right: Amounts): Amounts {
  return {
    nanoUsd: left.nanoUsd + right.nanoUsd,
    tokens: left.tokens + right.tokens,
    calls: left.calls + right.calls,
  };
}

/** May go below zero. */
export function subtract(left: Amounts, right: Amounts): Amounts {
  return {
    nanoUsd: left.nanoUsd - right.nanoUsd,
    tokens: left.tokens - right.tokens,
    calls: left.calls - right.calls,
  };
}

export function largest(left: Amounts, right: Amounts): Amounts {
  return {
    nanoUsd: left.nanoUsd > right.nanoUsd ? left.nanoUsd : right.nanoUsd,
    tokens: left.tokens > right.tokens ? left.tokens : right.tokens,
    calls: left.calls > right.calls ? left.calls : right.calls,
  };
}

export function smallest(left: Amounts, right: Amounts): Amounts {
  return {
    nanoUsd: left.nanoUsd < right.nanoUsd ? left.nanoUsd : right.nanoUsd,
    tokens: left.tokens < right.tokens ? left.tokens : right.tokens,
    calls: left.calls < right.calls ? left.calls : right.calls,
  };
}

export function scale(amounts: Amounts, factor: bigint): Amounts {
  return { nanoUsd: amounts.nanoUsd * factor, tokens: amounts.tokens * factor, calls: amounts.calls * factor };
}

/** True when `wanted` fits into `available` in every measure. */
export function covers(available: Amounts, wanted: Amounts): boolean {
  return wanted.nanoUsd <= available.nanoUsd && wanted.tokens <= available.tokens && wanted.calls <= available.calls;
}

export function areEqual(left: Amounts, right: Amounts): boolean {
  return left.nanoUsd === right.nanoUsd && left.tokens === right.tokens && left.calls === right.calls;
}

export function toWire(amounts: Amounts): WireAmounts {
  return {
    nano_usd: amounts.nanoUsd.toString(),
    tokens: amounts.tokens.toString(),
    calls: amounts.calls.toString(),
  };
}

/** `undefined` for anything but digits within Int64: what a wrong ledger says is never taken for money. */
export function fromWire(wire: WireAmounts | undefined): Amounts | undefined {
  const nanoUsd = integer(wire?.nano_usd);
  const tokens = integer(wire?.tokens);
  const calls = integer(wire?.calls);
  return nanoUsd === undefined || tokens === undefined || calls === undefined ? undefined : { nanoUsd, tokens, calls };
}

function integer(text: unknown): bigint | undefined {
  return typeof text === "string" ? parseNanoUsd(text) : undefined;
}
