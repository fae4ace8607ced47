/** What calls cost, for people: the sum of what has a price is not what they cost where some have none. */

/** A sum in dollars, and of how many calls beside it nobody knows the price: `$0.12 + 1 unpriced`; "-" for nothing. */
export function costText(usd: string, unpriced: number): string {
  const sum = /[1-9]/.test(usd) ? [`$${usd}`] : [];
  return [...sum, ...(unpriced > 0 ? [`${unpriced} unpriced`] : [])].join(" + ") || "-";
}

/** One span's cost; why it has none, where it is a call; "" for what costs nothing. */
export function spanCost(span: { readonly cost_usd: string; readonly cost_status: string }): string {
  if (/[1-9]/.test(span.cost_usd)) return `$${span.cost_usd}`;
  return span.cost_status === "unpriced" || span.cost_status === "missing" ? span.cost_status : "";
}
