import type { Body } from "../gate/endpoint.ts";

/** Models that are known to answer with all they generate. Any other may think unseen. */
const OPEN_MODELS = /^(?:ft:)?(?:gpt-3\.5|gpt-4|chatgpt-4o)/;

/** Of the model that was asked for last: a process asks for the same again and again. */
let last = { model: "", isOpen: false };

/** Whether output may be billed that the answer does not show. */
export function hidesReasoning(model: string, body: Body): boolean {
  if (model !== last.model) last = { model, isOpen: OPEN_MODELS.test(model) };
  return !last.isOpen || body["reasoning_effort"] !== undefined || body["reasoning"] !== undefined;
}
