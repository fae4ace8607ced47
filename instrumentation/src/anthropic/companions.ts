/**
 * Whom a request lets work on its answer beside its model: advisers (`advisor_20260301`), models that stand in where it declines
 * (`fallbacks`), and the model itself once more, for a summary of a conversation that has grown too long (`compact_20260112`). Each
 * reads the conversation and writes an answer of its own. An adviser may be asked as often as the model likes; under a budget one without
 * `max_uses` gets the number that the call is reserved by.
 */
import { asArray, asBody, asChoices, asCount, asText } from "../gate/endpoint.ts";
import type { Body, RequestFacts } from "../gate/endpoint.ts";
import { standInsOf } from "../gate/stand-ins.ts";

/** https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool */
const ADVICE_MAX = 3;
/** A chain that Anthropic chooses: nobody here knows its models, so the request has no price. */
const UNNAMED = "default fallbacks";

type Companions = Pick<RequestFacts, "choices" | "otherModels" | "othersAnswerAlone" | "readings">;

export function companionsOf(body: Body): Companions {
  const advisers = asArray(body["tools"]).map(asBody).filter(isAdviser);
  const standIns = declinedTo(body);
  const others = [...advisers, ...standIns].map((entry) => asText(entry?.["model"]) ?? UNNAMED);
  const advice = advisers.reduce((sum, adviser) => sum + asChoices(adviser?.["max_uses"] ?? ADVICE_MAX), 0);
  const answers = 1 + advice + standIns.length + (isSummarised(body) ? 1 : 0);
  // One of a router's list answers alone. https://openrouter.ai/docs/features/model-routing
  const routed = standInsOf({ models: body["models"] }, asText(body["model"]) ?? "");
  if (answers === 1) return { choices: 1, ...routed };
  const otherModels = [...others, ...(routed.otherModels ?? [])];
  return { choices: answers, readings: answers, ...(otherModels.length > 0 && { otherModels }) };
}

/** Advisers that may be asked without end, with one. */
export function boundAdvice({ tools }: Body): Body {
  const isUnbounded = (tool: Body | undefined): boolean => isAdviser(tool) && (tool?.["max_uses"] ?? null) === null;
  const entries = asArray(tools);
  if (!entries.some((entry) => isUnbounded(asBody(entry)))) return {};
  return {
    tools: entries.map((entry) => {
      const tool = asBody(entry);
      return isUnbounded(tool) ? { ...tool, max_uses: ADVICE_MAX } : entry;
    }),
  };
}

/** Output tokens of the longest answer, as the request and those who may stand in for its model bound it. */
export function outputBoundOf(body: Body): number | undefined {
  const own = asCount(body["max_tokens"]);
  if (own === undefined) return undefined;
  return Math.max(own, ...declinedTo(body).map((entry) => asCount(entry?.["max_tokens"]) ?? 0));
}

/** Bounds of those who may stand in, none above `outputBound`. */
export function lowerStandIns(body: Body, outputBound: number): Body {
  if (!Array.isArray(body["fallbacks"])) return {};
  const fallbacks = declinedTo(body).map((entry) => {
    const own = asCount(entry?.["max_tokens"]);
    return own === undefined || own <= outputBound ? entry : { ...entry, max_tokens: outputBound };
  });
  return { fallbacks };
}

function declinedTo({ fallbacks }: Body): readonly (Body | undefined)[] {
  return typeof fallbacks === "string" ? [{}] : asArray(fallbacks).map(asBody);
}

function isAdviser(tool: Body | undefined): boolean {
  return asText(tool?.["type"])?.startsWith("advisor_") === true;
}

function isSummarised(body: Body): boolean {
  const edits = asArray(asBody(body["context_management"])?.["edits"]);
  return edits.some((edit) => asText(asBody(edit)?.["type"])?.startsWith("compact_") === true);
}
