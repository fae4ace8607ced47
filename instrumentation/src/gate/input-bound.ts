/**
 * How many input tokens a request can make at the most, without knowing the tokenizer and without serialising the body.
 *
 * Every tokenizer in use is byte level at its bottom: a token stands for one byte or more, so text never makes more
 * tokens than it has UTF-8 bytes. What providers add around the text (role marks, the layout of tools) is covered by the
 * constants below, which are far above what was ever seen. English text comes out about four times too high: the price
 * of a bound that holds. It is what is reserved, not what is charged.
 */

/** Marks around a message, a content part, a tool or any other object or list. */
const TOKENS_PER_NODE = 8;
/** Punctuation around a key. */
const TOKENS_PER_KEY = 3;
/** Start and end of the whole prompt. */
const TOKENS_PER_REQUEST = 64;
/** A number or boolean as text. */
const TOKENS_PER_SCALAR = 24;
/** Providers put instructions of their own before tools: a few hundred tokens. */
const TOKENS_FOR_TOOLS = 2_048;
/** Deeper than any real body; a cycle ends here. */
const DEPTH_MAX = 64;

/** The bound for all of `body`, settings too; they are few. */
export function inputTokensMax(body: unknown, options: { readonly hasTools: boolean }): number {
  return TOKENS_PER_REQUEST + (options.hasTools ? TOKENS_FOR_TOOLS : 0) + weigh(body, 0);
}

function weigh(value: unknown, depth: number): number {
  switch (typeof value) {
    case "string":
      return Buffer.byteLength(value, "utf8");
    case "object":
      break;
    case "undefined":
    case "function":
    case "symbol":
      return 0;
    default:
      return TOKENS_PER_SCALAR;
  }
  if (value === null) return TOKENS_PER_SCALAR;
  if (depth > DEPTH_MAX) return Number.POSITIVE_INFINITY;
  let tokens = TOKENS_PER_NODE;
  if (Array.isArray(value)) {
    for (const item of value) tokens += weigh(item, depth + 1);
    return tokens;
  }
  if ("toJSON" in value && typeof value.toJSON === "function") return tokens + weigh(value.toJSON(), depth + 1);
  for (const key in value) {
    tokens +=
      TOKENS_PER_KEY + Buffer.byteLength(key, "utf8") + weigh((value as Record<string, unknown>)[key], depth + 1);
  }
  return tokens;
}
