/**
 * What processors have understood of a span is stored in columns beside its attributes. Where an attribute was redacted, the
 * facts and labels that repeat it are too, or the row would still tell. The meter has run before: what counts against whose
 * budget is not changed by what may be stored.
 */
import {
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_WORKFLOW_NAME,
  ATTR_SESSION_ID,
  ATTR_TOLLGATE_LABEL_PREFIX,
  ATTR_USER_ID,
} from "@tollgate/instrumentation/semconv";
import type { Attributes, Span } from "../../pdata/span.ts";

/** Old text → new text; "" where it is gone. */
export type Replacements = Map<string, string>;

/** Attributes that `normalise` copies names into from other dialects. */
const COPIES = [ATTR_USER_ID, ATTR_SESSION_ID, ATTR_GEN_AI_CONVERSATION_ID, ATTR_GEN_AI_WORKFLOW_NAME] as const;
const NAMES = ["session", "user", "workflow"] as const;

export interface RowRepair {
  readonly span: Span;
  /** Texts of attributes that were redacted. */
  readonly texts: Replacements;
  /** Labels made from attributes that were redacted: name → new text, "" where it is gone. */
  readonly labels: Replacements;
}

/** Puts the new texts where session, user, workflow and labels repeat the old ones. */
export function repairFacts({ span, texts, labels }: RowRepair): void {
  const { facts, attributes } = span;
  for (const key of COPIES) repairCopy(attributes, key, texts);
  const changed = new Map(labels);
  for (const name of NAMES) {
    const text = texts.get(facts[name]);
    if (text === undefined || facts[name] === "") continue;
    facts[name] = text;
    changed.set(name, text);
  }
  if (changed.size > 0) facts.labels = relabelled(facts.labels, changed);
}

/** The label that an attribute of a span makes; `undefined` when it makes none. */
export function labelOfAttribute(key: string): string | undefined {
  return key.startsWith(ATTR_TOLLGATE_LABEL_PREFIX) ? key.slice(ATTR_TOLLGATE_LABEL_PREFIX.length) : undefined;
}

function repairCopy(attributes: Attributes, key: string, texts: Replacements): void {
  const value = attributes.get(key);
  const text = typeof value === "string" && value !== "" ? texts.get(value) : undefined;
  if (text === undefined) return;
  if (text === "") attributes.delete(key);
  else attributes.set(key, text);
}

function relabelled(labels: Readonly<Record<string, string>>, changed: Replacements): Readonly<Record<string, string>> {
  const entries = Object.entries(labels).map(([name, text]) => [name, changed.get(name) ?? text] as const);
  return Object.fromEntries(entries.filter(([name, text]) => text !== "" || !changed.has(name)));
}
