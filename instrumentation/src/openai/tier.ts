import type { Body } from "../gate/endpoint.ts";

/** `service_tier` values at the model's usual price or below. */
const USUAL = new Set<unknown>([undefined, null, "auto", "default", "flex"]);

/** The service tier, where it costs more than the model's usual price. https://platform.openai.com/docs/pricing */
export function dearerTier(body: Body): string {
  const tier = body["service_tier"];
  return USUAL.has(tier) ? "" : String(tier);
}

/**
 * The tier that an answer says it was served at: a project may be set to a dearer one than its requests name, and a request for one that
 * is crowded is served at the usual one.
 */
export function servedTier(answer: Body): { readonly tier?: string } {
  const tier = answer["service_tier"];
  if (typeof tier !== "string" || tier === "auto") return {};
  return { tier: tier === "default" ? "" : tier };
}
