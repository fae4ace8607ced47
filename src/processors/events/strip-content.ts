/**
 * Takes what people and models said out of a log record, and leaves what is said about the call: names, models, usage, ids,
 * finish reasons, scores. Which attributes hold content is one list for spans and logs (src/pdata/content-keys.ts); bodies are
 * here. The body of a GenAI event is content but for a few words; a structured body of any other record loses the keys
 * that hold content; a text body of a plain log record stays: nobody can tell what is in it.
 */
import { isContentEvent, isContentKey, isEventContentKey } from "../../pdata/content-keys.ts";
import type { LogRecord } from "../../pdata/log-record.ts";
import type { AttributeValue } from "../../pdata/span.ts";

/** What stays in the place of a content value; `undefined`: nothing does. */
export type ReplaceContent = (value: AttributeValue) => AttributeValue | undefined;

const GEN_AI_PREFIX = "gen_ai.";
/** Of bodies of GenAI events: who spoke, which choice it is and why it ended, which tool was asked for. */
const BODY_PLAIN_KEYS: ReadonlySet<string> = new Set(["finish_reason", "id", "index", "name", "role", "type"]);
/** Of such bodies: what holds more of them. */
const BODY_CONTAINERS: ReadonlySet<string> = new Set(["function", "message", "tool_calls"]);

/** Returns how many values were content that did not stay as it was. */
export function stripContent(record: LogRecord, replace: ReplaceContent): number {
  const { attributes, eventName } = record;
  let count = 0;
  const replaceCounted = (value: AttributeValue): AttributeValue | undefined => {
    const replacement = replace(value);
    if (replacement !== value) count += 1;
    return replacement;
  };
  for (const key of [...attributes.keys()].filter((name) => isEventContentKey(eventName, name))) {
    const replacement = replaceCounted(attributes.get(key) ?? null);
    if (replacement === undefined) attributes.delete(key);
    else attributes.set(key, replacement);
  }
  const isGenAi = eventName.startsWith(GEN_AI_PREFIX) || isContentEvent(eventName);
  record.body = isGenAi ? genAiBody(record.body, replaceCounted) : otherBody(record.body, replaceCounted);
  return count;
}

function genAiBody(body: AttributeValue, replace: ReplaceContent): AttributeValue {
  if (body === null) return null;
  if (isList(body)) return body.map((item) => genAiBody(item, replace));
  if (!isFields(body)) return replace(body) ?? null;
  return mapFields(body, (key, value) => {
    if (BODY_CONTAINERS.has(key) && typeof value === "object") return genAiBody(value, replace);
    return BODY_PLAIN_KEYS.has(key) && typeof value !== "object" ? value : replace(value);
  });
}

function otherBody(body: AttributeValue, replace: ReplaceContent): AttributeValue {
  if (isList(body)) return body.map((item) => otherBody(item, replace));
  if (!isFields(body)) return body;
  return mapFields(body, (key, value) => (isContentKey(key) ? replace(value) : otherBody(value, replace)));
}

function isList(value: AttributeValue): value is readonly AttributeValue[] {
  return Array.isArray(value);
}

function isFields(value: AttributeValue): value is { readonly [key: string]: AttributeValue } {
  return typeof value === "object" && value !== null && !isList(value) && !(value instanceof Uint8Array);
}

function mapFields(
  fields: { readonly [key: string]: AttributeValue },
  map: (key: string, value: AttributeValue) => AttributeValue | undefined,
): AttributeValue {
  // No prototype: a key may be called `__proto__`.
  const mapped = Object.create(null) as Record<string, AttributeValue>;
  for (const [key, value] of Object.entries(fields)) {
    const replacement = map(key, value);
    if (replacement !== undefined) mapped[key] = replacement;
  }
  return mapped;
}
