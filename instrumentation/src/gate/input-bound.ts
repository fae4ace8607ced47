/**
 * How many input tokens a request can make at the most, without serialising the body.
 *
 * Every tokenizer in use is byte level at its bottom: a token stands for one byte or more, so text never makes more
 * tokens than it has UTF-8 bytes. What providers add around the text (role marks, the layout of tools) is covered by the
 * constants below, which are far above what was ever seen. English text comes out about four times too high: the price
 * of a bound that holds. It is what is reserved, not what is charged. With the model's tokenizer (`TOLLGATE_RESERVE`) the text
 * of the conversation counts as the model counts it; the constants stay.
 */

/** Tokens of a text at the most. */
export type CountText = (text: string) => number;

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

/** Members that hold a conversation, and of those the ones whose text the model reads as it was written. */
const CONVERSATION: ReadonlySet<string> = new Set(["messages", "input", "instructions"]);
const READ_AS_WRITTEN: ReadonlySet<string> = new Set(["content", "text", "output", "input", "instructions"]);

export interface InputOptions {
  readonly hasTools: boolean;
  /**
   * Counts text as the model does. Asked for text that the model reads as it was written; how a provider lays out tools,
   * their calls and schemas is its own affair, so all of those count by their bytes.
   */
  readonly countText?: CountText | undefined;
}

/** The bound for all of `body`, settings too; they are few. */
export function inputTokensMax(body: unknown, { hasTools, countText }: InputOptions): number {
  const base = TOKENS_PER_REQUEST + (hasTools ? TOKENS_FOR_TOOLS : 0);
  if (countText === undefined) return base + new Scale(bytesOf).weigh(body, 0);
  const members = Object.entries(body ?? {});
  const part = (isConversation: boolean): object =>
    Object.fromEntries(members.filter(([key]) => CONVERSATION.has(key) === isConversation));
  return base + new Scale(countText).weigh(part(true), 0) + new Scale(bytesOf).weigh(part(false), 0);
}

function bytesOf(text: string): number {
  // Keys and words are short and ASCII, and asking for their length costs more than looking.
  if (text.length > SHORT_LENGTH_MAX) return Buffer.byteLength(text, "utf8");
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0x7f) return Buffer.byteLength(text, "utf8");
  }
  return text.length;
}

const SHORT_LENGTH_MAX = 24;

class Scale {
  /** For text that the model reads as it was written. */
  readonly #countText: CountText;

  constructor(countText: CountText) {
    this.#countText = countText;
  }

  weigh(value: unknown, depth: number): number {
    switch (typeof value) {
      case "string":
        return bytesOf(value);
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
      for (const item of value) tokens += this.weigh(item, depth + 1);
      return tokens;
    }
    if ("toJSON" in value && typeof value.toJSON === "function") return tokens + this.weigh(value.toJSON(), depth + 1);
    for (const key in value) {
      const member = (value as Record<string, unknown>)[key];
      const isRead = typeof member === "string" && READ_AS_WRITTEN.has(key);
      tokens += TOKENS_PER_KEY + bytesOf(key) + (isRead ? this.#countText(member) : this.weigh(member, depth + 1));
    }
    return tokens;
  }
}
