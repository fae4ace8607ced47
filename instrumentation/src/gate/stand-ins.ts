/**
 * Models that a request lets answer in the place of its own, as routers and gateways take them: the budget holds what the dearest of them may
 * cost. OpenRouter: https://openrouter.ai/docs/features/model-routing; LiteLLM: https://docs.litellm.ai/docs/proxy/reliability. The makers of
 * models know no such names, and refuse them.
 */
import { asArray, asBody, asText } from "./endpoint.ts";
import type { Body, RequestFacts } from "./endpoint.ts";

/** Who was to stand in is not said in a way that is known: no price is known then, either. */
const UNREAD = "unread fallbacks";

type StandIns = Pick<RequestFacts, "otherModels" | "othersAnswerAlone">;

const NONE: StandIns = {};

/** The names in `models` and `fallbacks`, without the request's own. */
export function standInsOf({ models, fallbacks }: Body, model: string): StandIns {
  if (models === undefined && fallbacks === undefined) return NONE;
  return standIns([...namesIn(models), ...namesIn(fallbacks)], model);
}

/** The same of names that stand elsewhere. */
export function standIns(names: readonly string[], model: string): StandIns {
  const otherModels = [...new Set(names)].filter((name) => name !== model);
  return otherModels.length === 0 ? NONE : { otherModels, othersAnswerAlone: true };
}

/** The request's own model, where only the list has it. */
export function firstOf({ models }: Body): string | undefined {
  return asText(asArray(models)[0]);
}

/** `["m"]`, `[{ model: "m" }]`, or by the model that fails: `[{ "m1": ["m2"] }]`. */
function namesIn(list: unknown): readonly string[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) return [UNREAD];
  return list.flatMap((entry) => {
    const named = asText(entry) ?? asText(asBody(entry)?.["model"]);
    if (named !== undefined) return [named];
    const byModel = Object.values(asBody(entry) ?? { "": UNREAD }).flatMap((names) => names);
    return byModel.map((name) => asText(name) ?? UNREAD);
  });
}
