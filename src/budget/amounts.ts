/** Amounts of the three measures, added and compared together. Integers: nano-dollars, tokens, calls. */
export interface Amounts {
  readonly nanoUsd: bigint;
  readonly tokens: bigint;
  readonly calls: bigint;
}

export const NO_AMOUNTS: Amounts = { nanoUsd: 0n, tokens: 0n, calls: 0n };
