import type { Body } from "../gate/endpoint.ts";

/** Models that are known to answer with all they generate. Any other may think unseen. */
const OPEN_MODELS = /^(?:ft:)?(?:gpt-3\.5|gpt-4|chatgpt-4o)/;

/** Whether output may be billed that the answer does not show. */
export function hidesReasoning(model: string, body: Body): boolean {
  return !OPEN_MODELS.test(model) || body["reasoning_effort"] !== undefined || body["reasoning"] !== undefined;
}
