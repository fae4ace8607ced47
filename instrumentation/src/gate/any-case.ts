/**
 * Names of a request in another case than the API has them (`MAX_TOKENS`). Most servers don't know them; those that take names in any
 * case (Go's and .NET's usual decoders) read another number there than the exact name says. Nobody here can tell which server it is, so
 * the dearest reading is reserved, and the body goes as it is. A bound that only such a name sets is none. Pure.
 */
import type { Body, Endpoint, RequestFacts } from "./endpoint.ts";
import { frozen } from "./frozen.ts";

/** What costs or bounds depend on, at the top of a body. */
const NAMES: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "input",
  "prompt",
  "system",
  "tools",
  "n",
  "best_of",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "service_tier",
  "speed",
  "modalities",
  "reasoning",
  "reasoning_effort",
  "thinking",
  "options",
  "size",
  "quality",
]);
/** Nearly all names: none of them is folded. */
const IS_EXACT = /^[a-z\d_]*$/;
/** Names that mean no other one: apps use the same few. */
const exact = new Set<string>();
const EXACT_MAX = 1_024;
const EXACT_LENGTH_MAX = 64;

/** `endpoint` as it has to read `body`. */
export function inAnyCase(endpoint: Endpoint, body: Body): Endpoint {
  if (otherNames(body).length === 0) return endpoint;
  const readRequest = (given: Body): RequestFacts =>
    otherNames(given)
      .map(([name, value]) => endpoint.readRequest({ ...given, [name]: value }))
      .reduce(dearer, endpoint.readRequest(given));
  return frozen(Object.create(endpoint, { readRequest: { value: readRequest } }) as Endpoint);
}

/** As a server reads it that takes names in any case. */
export function folded(body: Body): Body {
  const others = otherNames(body);
  return others.length === 0 ? body : { ...body, ...Object.fromEntries(others) };
}

function otherNames(body: Body): readonly (readonly [name: string, value: unknown])[] {
  let found: [string, unknown][] | undefined;
  for (const key in body) {
    if (exact.has(key)) continue;
    const name = otherName(key);
    if (name !== undefined) (found ??= []).push([name, body[key]]);
  }
  return found ?? NONE;
}

const NONE: readonly never[] = [];

/** The name that `key` is in another case. */
function otherName(key: string): string | undefined {
  // By way of upper case, as some letters outside of ASCII have one in it.
  const name = IS_EXACT.test(key) ? "" : key.toUpperCase().toLowerCase();
  if (NAMES.has(name)) return name;
  if (key.length <= EXACT_LENGTH_MAX && exact.size < EXACT_MAX) exact.add(key);
  return undefined;
}

function dearer(one: RequestFacts, other: RequestFacts): RequestFacts {
  const models = [one, other].flatMap(({ model, otherModels = [] }) => [model, ...otherModels]);
  const [model = "", ...otherModels] = new Set(models.filter((name) => name !== ""));
  return {
    ...one,
    model,
    ...(otherModels.length > 0 && { otherModels }),
    tier: other.tier === "" ? one.tier : other.tier,
    choices: Math.max(one.choices, other.choices),
    outputBound: largest(one.outputBound, other.outputBound),
    inputBound: largest(one.inputBound, other.inputBound),
    cacheWrites: one.cacheWrites || other.cacheWrites,
    makesMedia: one.makesMedia === true || other.makesMedia === true,
    hidesOutput: one.hidesOutput || other.hidesOutput,
    readings: Math.max(one.readings ?? 1, other.readings ?? 1),
    pieces: Math.max(one.pieces ?? 1, other.pieces ?? 1),
  };
}

/** `undefined`: there is no bound, or nobody can tell. */
function largest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.max(one, other);
}
