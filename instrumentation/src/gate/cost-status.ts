import type { ModelPrice } from "../pricing/price-book.ts";
import type { CostStatus } from "../semconv.ts";

const RANK = { exact: 0, estimated: 1, missing: 2, unpriced: 3 } as const;

/** Of a cost that was counted in this way at this price. */
export function statusOf(price: ModelPrice | undefined, how: CostStatus): CostStatus {
  if (price === undefined) return "unpriced";
  return price.isEstimate ? "estimated" : how;
}

/** Of a sum of two costs. */
export function worseOf(left: CostStatus, right: CostStatus): CostStatus {
  return RANK[right] > RANK[left] ? right : left;
}
