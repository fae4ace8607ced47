/**
 * What may not be stored is taken out of a span here, before it reaches the spool: content, attributes by key, and what
 * detectors and patterns find in values. Keys decide first, so that a span without content costs one look-up an attribute; values are
 * read only where a rule asks for them. Runs after meter: prices, budgets and the gate's own facts are never changed.
 */
import type { KeyedHash, ValueRules } from "@tollgate/instrumentation/redaction";
import { ATTR_TOLLGATE_CONTENT_DROPPED, ATTR_TOLLGATE_REDACTED } from "@tollgate/instrumentation/semconv";
import { attributeText } from "../../pdata/attribute-text.ts";
import { contentKeysOfScope, isContentEvent, isEventContentKey } from "../../pdata/content-keys.ts";
import { countAttribute } from "../../pdata/attribute-read.ts";
import { KeyMemo } from "../../pdata/key-memo.ts";
import type { Attributes, AttributeValue, Span, SpanEvent } from "../../pdata/span.ts";
import { isProtectedKey, type KeyRules, type KeyVerdict } from "./key-rules.ts";
import { labelOfAttribute, repairFacts, type Replacements } from "./row-facts.ts";

export interface RedactorOptions {
  readonly keyRules: KeyRules;
  readonly valueRules: ValueRules;
  /** The same, and credentials in any case. */
  readonly errorRules: ValueRules;
  readonly hash: KeyedHash;
}

/** What a span, or one set of attributes, lost. Most lose nothing, so the maps are made when they are needed. */
class Loss {
  content = 0;
  redacted = 0;
  texts: Replacements | undefined;
  labels: Replacements | undefined;

  replaced(from: string, to: string): void {
    (this.texts ??= new Map()).set(from, to);
  }

  relabelled(name: string, to: string): void {
    (this.labels ??= new Map()).set(name, to);
  }
}

type LabelOf = (key: string) => string | undefined;
const NO_LABEL: LabelOf = () => undefined;
const RESOURCE_LABEL: LabelOf = (key) => key;
const NOTHING: Loss = new Loss();
const COUNT_MAX = 1_000_000_000;

export class Redactor {
  readonly #options: RedactorOptions;
  /** Resources and scopes are shared by the spans of a batch, and done once. */
  readonly #shared = new WeakMap<Attributes, Loss>();
  /** Keys that something is to be done with. */
  readonly #pending: KeyMemo<readonly string[]>;

  constructor(options: RedactorOptions) {
    this.#options = options;
    const { keyRules } = options;
    this.#pending = new KeyMemo((all) => [...all.keys()].filter((key) => keyRules.verdict(key) !== "keep"));
  }

  /** Throws for a fault of ours, and has then emptied the span of all that is not the gate's own. */
  redact(span: Span): void {
    try {
      this.#redact(span);
    } catch (error) {
      withhold(span);
      throw error;
    }
  }

  #redact(span: Span): void {
    const resource = this.#redactShared(span.resource.attributes, RESOURCE_LABEL);
    const scope = this.#redactShared(span.scope.attributes, NO_LABEL);
    const loss = new Loss();
    this.#redactAttributes({ attributes: span.attributes, loss, labelOf: labelOfAttribute });
    this.#redactSendersContent(span, loss);
    for (const event of span.events) this.#redactEvent(event, loss);
    for (const link of span.links) this.#redactAttributes({ attributes: link.attributes, loss, labelOf: NO_LABEL });
    this.#redactTexts(span, loss);
    const content = loss.content + resource.content + scope.content;
    const redacted = loss.redacted + resource.redacted + scope.redacted;
    if (redacted + content > 0) this.#repair(span, [resource, loss]);
    if (redacted > 0) addCount(span, ATTR_TOLLGATE_REDACTED, redacted);
    if (content > 0) addCount(span, ATTR_TOLLGATE_CONTENT_DROPPED, content);
  }

  #redactSendersContent({ attributes, scope }: Span, loss: Loss): void {
    for (const key of contentKeysOfScope(scope.name)) {
      const verdict = this.#options.keyRules.contentVerdict(key);
      if (attributes.has(key)) this.#redactAttribute({ attributes, loss, labelOf: labelOfAttribute, key, verdict });
    }
  }

  #redactShared(attributes: Attributes, labelOf: LabelOf): Loss {
    if (attributes.size === 0) return NOTHING;
    const known = this.#shared.get(attributes);
    if (known !== undefined) return known;
    const loss = new Loss();
    this.#redactAttributes({ attributes, loss, labelOf });
    this.#shared.set(attributes, loss);
    return loss;
  }

  #redactAttributes(task: { attributes: Attributes; loss: Loss; labelOf: LabelOf }): void {
    const { keyRules } = this.#options;
    for (const key of this.#pending.of(task.attributes)) {
      this.#redactAttribute({ ...task, key, verdict: keyRules.verdict(key) });
    }
  }

  #redactEvent(event: SpanEvent, loss: Loss): void {
    const { keyRules, valueRules } = this.#options;
    if (isContentEvent(event.name)) {
      const keys = [...event.attributes.keys()];
      for (const key of keys) {
        const isContent = isEventContentKey(event.name, key);
        const verdict = isContent ? keyRules.contentVerdict(key) : keyRules.verdict(key);
        this.#redactAttribute({ attributes: event.attributes, loss, labelOf: NO_LABEL, key, verdict });
      }
      return;
    }
    this.#redactAttributes({ attributes: event.attributes, loss, labelOf: NO_LABEL });
    if (!valueRules.isEmpty) event.name = cleanText({ rules: valueRules, text: event.name, loss });
  }

  #redactTexts(span: Span, loss: Loss): void {
    const { valueRules, errorRules } = this.#options;
    const message = span.statusMessage;
    if (message !== "") {
      const clean = cleanText({ rules: errorRules, text: message, loss });
      if (clean !== message) span.statusMessage = clean;
    }
    if (valueRules.isEmpty) return;
    const clean = cleanText({ rules: valueRules, text: span.name, loss });
    if (clean !== span.name) span.name = clean;
  }

  #redactAttribute(task: {
    readonly attributes: Attributes;
    readonly loss: Loss;
    readonly labelOf: LabelOf;
    readonly key: string;
    readonly verdict: KeyVerdict;
  }): void {
    const { attributes, loss, key, verdict } = task;
    if (verdict === "keep") return;
    const { hash, valueRules, errorRules } = this.#options;
    if (verdict === "drop_content") {
      // Content is long: what goes anyway is not read.
      attributes.delete(key);
      loss.content += 1;
      const label = task.labelOf(key);
      if (label !== undefined) loss.relabelled(label, "");
      return;
    }
    const value = attributes.get(key) ?? null;
    let next: AttributeValue | undefined;
    if (verdict === "hash" || verdict === "hash_content") next = hash(attributeText(value));
    else if (verdict === "scan") next = valueRules.clean(value)?.value;
    else if (verdict === "scan_error") next = errorRules.clean(value)?.value;
    if (next === value) return;
    loss[verdict === "hash_content" ? "content" : "redacted"] += 1;
    if (next === undefined) attributes.delete(key);
    else attributes.set(key, next);
    const text = next === undefined ? "" : attributeText(next);
    if (typeof value === "string") loss.replaced(value, text);
    const label = task.labelOf(key);
    if (label !== undefined) loss.relabelled(label, text);
  }

  #repair(span: Span, losses: readonly Loss[]): void {
    const texts: Replacements = new Map(losses.flatMap((loss) => [...(loss.texts ?? [])]));
    const labels: Replacements = new Map(losses.flatMap((loss) => [...(loss.labels ?? [])]));
    if (texts.size + labels.size > 0) repairFacts({ span, texts, labels });
  }
}

/** What could not be looked at is not stored. */
function withhold(span: Span): void {
  const shared = [span.resource.attributes, span.scope.attributes];
  for (const attributes of [...shared, span.attributes, ...span.events.map((event) => event.attributes)]) {
    const keys = [...attributes.keys()];
    for (const key of keys) {
      if (!isProtectedKey(key)) attributes.delete(key);
    }
  }
  span.statusMessage = "";
  span.facts.labels = {};
  Object.assign(span.facts, { session: "", user: "", workflow: "" });
}

function cleanText(task: { readonly rules: ValueRules; readonly text: string; readonly loss: Loss }): string {
  const clean = task.rules.clean(task.text);
  if (clean?.value === task.text) return task.text;
  task.loss.redacted += 1;
  return typeof clean?.value === "string" ? clean.value : "";
}

/** Adds to what a processor before this one has counted. */
function addCount(span: Span, key: string, count: number): void {
  span.attributes.set(key, BigInt(count + (countAttribute(span.attributes, key, COUNT_MAX) ?? 0)));
}
