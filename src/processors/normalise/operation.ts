/** What a span does, where its sender says it in a word of its own or not at all. */
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_TOTAL_TOKENS,
  Operation,
} from "@tollgate/instrumentation/semconv";
import { AttributeKey } from "../../pdata/attribute-key.ts";
import { countAttribute, textAttribute } from "../../pdata/attribute-read.ts";
import { type Span, SpanKind } from "../../pdata/span.ts";

const OPERATION = AttributeKey.of(ATTR_GEN_AI_OPERATION_NAME);
const CURRENT: ReadonlySet<string> = new Set(Object.values(Operation));
/** Words of senders, in lower case (Semantic Kernel: `chat.completions`). */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["chat.completion", Operation.chat],
  ["chat.completions", Operation.chat],
  ["chat_completion", Operation.chat],
  ["chat_completions", Operation.chat],
  ["completion", Operation.textCompletion],
  ["completions", Operation.textCompletion],
  ["text.completions", Operation.textCompletion],
  ["embedding", Operation.embeddings],
  ["embed", Operation.embeddings],
  ["responses", Operation.chat],
  ["response", Operation.chat],
  ["message", Operation.chat],
  ["messages", Operation.chat],
]);

/**
 * The operation of a span. A client's span that names a model and
 * tokens and no operation is a call of it: older drafts had no operation. Others without one stay without, because
 * frameworks put sums on spans of their own.
 */
export function readOperation(span: Span, model: string): string {
  const { attributes } = span;
  const told = textAttribute(attributes, OPERATION);
  if (CURRENT.has(told)) return told;
  const word = told.toLowerCase();
  const known = CURRENT.has(word) ? word : WORDS.get(word);
  if (known !== undefined) return known;
  if (told !== "" || model === "" || span.kind !== SpanKind.client || !tellsTokens(span)) return told;
  return /embed/i.test(model) ? Operation.embeddings : Operation.chat;
}

function tellsTokens({ attributes }: Span): boolean {
  const keys = [ATTR_GEN_AI_USAGE_INPUT_TOKENS, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, ATTR_GEN_AI_USAGE_TOTAL_TOKENS];
  return keys.some((key) => (countAttribute(attributes, key, Number.MAX_SAFE_INTEGER) ?? 0) > 0);
}
