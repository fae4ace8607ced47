/** Which thread a chain is verified on, of so many. */
export function shardOfChain(chain: string, of: number): number {
  const digits = Number.parseInt(chain.slice(0, 2), 16);
  return Number.isNaN(digits) ? 0 : digits % of;
}
