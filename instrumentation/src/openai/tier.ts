import type { Body } from "../gate/endpoint.ts";

/** `service_tier` values at the model's usual price or below. */
const USUAL = new Set<unknown>([undefined, null, "auto", "default", "flex"]);

/** The service tier, where it costs more than the model's usual price. https://platform.openai.com/docs/pricing */
export function dearerTier(body: Body): string {
  const tier = body["service_tier"];
  return USUAL.has(tier) ? "" : String(tier);
}
