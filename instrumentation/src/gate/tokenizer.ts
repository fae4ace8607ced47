/**
 * The tokenizers of models that say which one they have, from the optional package `gpt-tokenizer`. It is loaded in the
 * background when a call first wants it: a process without such calls pays nothing, and until it is there a call is bounded by
 * its bytes as any other.
 *
 * INVARIANT: a counter never says less than the model's own count of the text. It is the same byte-pair encoding, and what
 * it is not asked (text past `TEXT_CHARS_MAX`, runs that cost it quadratic time) counts by its bytes, which is never less.
 */
import type { Logger } from "../config/logger.ts";
import { Provider } from "../semconv.ts";
import { asArray } from "./endpoint.ts";
import type { Body, Endpoint, RequestFacts } from "./endpoint.ts";
import { inputTokensMax } from "./input-bound.ts";
import type { CountText } from "./input-bound.ts";

type Encoding = "o200k_base" | "cl100k_base";

/** What is used of the package. */
interface Encoder {
  countTokens(text: string, options: { readonly disallowedSpecial: ReadonlySet<string> }): number;
}

/**
 * As OpenAI's own tokenizer library names them; the first that fits. A model that it does not name has no known tokenizer.
 * https://github.com/openai/tiktoken/blob/main/tiktoken/model.py
 */
const ENCODINGS: readonly { readonly of: RegExp; readonly encoding: Encoding }[] = [
  {
    of: /^(?:ft:gpt-4o|gpt-4o|chatgpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|o1|o3|o4-mini)(?:$|[-:])/,
    encoding: "o200k_base",
  },
  { of: /^(?:ft:gpt-4|gpt-4|ft:gpt-3\.5-turbo|gpt-3\.5-turbo|gpt-35-turbo)(?:$|[-:])/, encoding: "cl100k_base" },
];

const PACKAGE = "gpt-tokenizer";
/** More text than this is not worth the time it takes. */
const TEXT_CHARS_MAX = 262_144;
/** The time of byte-pair encoding rises with the square of a run that no boundary of words splits. */
const LONG_RUN = /\S{128}|\s{128}/;
/** Texts may quote the names of special tokens; they are text all the same. */
const NOTHING_SPECIAL = { disallowedSpecial: new Set<string>() };

export class Tokenizers {
  readonly #logger: Logger;
  readonly #loading = new Map<Encoding, Promise<void>>();
  readonly #counters = new Map<Encoding, CountText>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `facts` with a lower bound of the input where the model's tokenizer is known; never with a higher one. */
  tighten(facts: RequestFacts, { endpoint, body }: { readonly endpoint: Endpoint; readonly body: Body }): RequestFacts {
    if (facts.inputBound === undefined || endpoint.provider !== Provider.openai) return facts;
    const countText = this.counterFor(facts.model);
    if (countText === undefined) return facts;
    const counted = inputTokensMax(body, { hasTools: asArray(body["tools"]).length > 0, countText });
    return { ...facts, inputBound: Math.min(facts.inputBound, counted) };
  }

  /** `undefined`: the model's tokenizer is not known, or not loaded (yet). */
  counterFor(model: string): CountText | undefined {
    const encoding = ENCODINGS.find(({ of }) => of.test(model))?.encoding;
    if (encoding === undefined) return undefined;
    const counter = this.#counters.get(encoding);
    if (counter === undefined) void this.load(encoding);
    return counter;
  }

  /** Resolves when it is there, or when it is known not to come. */
  load(encoding: Encoding): Promise<void> {
    const known = this.#loading.get(encoding);
    if (known !== undefined) return known;
    const loading = this.#load(encoding);
    this.#loading.set(encoding, loading);
    return loading;
  }

  async #load(encoding: Encoding): Promise<void> {
    try {
      const specifier: string = `${PACKAGE}/encoding/${encoding}`;
      const encoder = (await import(specifier)) as Encoder;
      this.#counters.set(encoding, (text) => count(encoder, text));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#logger.once(
        "warn",
        PACKAGE,
        `\`reserve: tokenizer\` needs the package \`${PACKAGE}\`: input is bounded by its bytes (${why})`,
      );
    }
  }
}

function count(encoder: Encoder, text: string): number {
  const bytes = Buffer.byteLength(text, "utf8");
  if (text.length > TEXT_CHARS_MAX || LONG_RUN.test(text)) return bytes;
  return Math.min(bytes, encoder.countTokens(text, NOTHING_SPECIAL));
}
