/** What calls cost, for people: the sum of what has a price is not what they cost where some have none. */

/** A sum in dollars of calls of which some (`isPartial`) have no price: "unknown" where nothing has one, "-" for nothing. */
export function costText(usd: string, isPartial = false): string {
  if (!/[1-9]/.test(usd)) return isPartial ? "unknown" : "-";
  return isPartial ? `at least $${usd}` : `$${usd}`;
}

/** Whether a call cost what nobody knows. */
export function isUnpriced({ cost_status: status }: { readonly cost_status: string }): boolean {
  return status === "unpriced" || status === "missing";
}

/** One span's cost; why it has none, where it is a call; "" for what costs nothing. */
export function spanCost(span: { readonly cost_usd: string; readonly cost_status: string }): string {
  if (/[1-9]/.test(span.cost_usd)) return `$${span.cost_usd}`;
  return isUnpriced(span) ? span.cost_status : "";
}
