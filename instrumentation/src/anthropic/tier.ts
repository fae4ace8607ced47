import { asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";

/** Regions at the usual price: everywhere, and models that have no say in it. */
const USUAL_REGIONS: ReadonlySet<string> = new Set(["global", "not_available"]);

/**
 * What a request asks for, or an answer says of how it was served, where that costs more: fast mode and a region of one's choice have
 * multipliers of their own. https://platform.claude.com/docs/en/about-claude/pricing
 */
export function dearerTier(body: Body): string {
  const speed = asText(body["speed"]) ?? "standard";
  const region = asText(body["inference_geo"]) ?? "global";
  const parts = [speed === "standard" ? "" : speed, USUAL_REGIONS.has(region) ? "" : region];
  return parts.filter((part) => part !== "").join("-");
}
