/**
 * Repairs what senders say: attributes of a span are set from CEL and deleted by glob, before it is known whose the span is, so that
 * labels which are set here count in budgets. Session, workflow and user follow the attributes that say them. What decisions,
 * costs and usage stand on can't be touched.
 */
import { compileGlob } from "@tollgate/instrumentation/policy";
import { isGovernanceKey } from "../../pdata/governance-keys.ts";
import type { AttributeValue, Span } from "../../pdata/span.ts";
import { spanCondition, type SpanCondition, spanValue } from "../../pdata/span-expression.ts";
import { readNames } from "../../pdata/span-names.ts";
import type { TransformProcessorConfig } from "./config.ts";

/** Told once for each expression, the first time that it can't be evaluated. */
export type OnExpressionError = (failure: { readonly expression: string; readonly reason: string }) => void;

interface Rule {
  readonly condition: SpanCondition | undefined;
  readonly sets: readonly {
    readonly key: string;
    readonly source: string;
    readonly valueOf: ReturnType<typeof spanValue>;
  }[];
  readonly isDeleted: ((key: string) => boolean) | undefined;
}

const TEXT_LENGTH_MAX = 65_536;
const DEPTH_MAX = 8;
const INT64_MAX = 9_223_372_036_854_775_807n;

export class Transform {
  readonly #rules: readonly Rule[];
  readonly #onError: OnExpressionError;
  readonly #complained = new Set<string>();

  constructor(config: TransformProcessorConfig, onError: OnExpressionError) {
    this.#onError = onError;
    this.#rules = config.rules.map((rule) => ({
      condition: rule.when === undefined ? undefined : spanCondition(rule.when),
      sets: Object.entries(rule.set).map(([key, source]) => ({ key, source, valueOf: spanValue(source) })),
      isDeleted: rule.delete.length === 0 ? undefined : deletion(rule.delete),
    }));
  }

  apply(span: Span): void {
    let isChanged = false;
    for (const rule of this.#rules) {
      if (!this.#isMet(rule, span)) continue;
      const didSet = this.#set(rule, span);
      const didDelete = deleteKeys(rule, span);
      isChanged ||= didSet || didDelete;
    }
    if (isChanged) readNames(span);
  }

  #isMet({ condition }: Rule, span: Span): boolean {
    if (condition === undefined) return true;
    const outcome = condition.test(span);
    if (outcome.kind === "error") this.#complain(condition.source, outcome.reason);
    return outcome.kind === "met";
  }

  #set({ sets }: Rule, span: Span): boolean {
    let isChanged = false;
    for (const { key, source, valueOf } of sets) {
      const outcome = valueOf(span);
      if (outcome.kind === "error") this.#complain(source, outcome.reason);
      if (outcome.kind !== "value") continue;
      const value = attributeValue(outcome.value, 0);
      if (value === undefined) {
        this.#complain(source, "its result is no value of an attribute, or too large for one");
        continue;
      }
      span.attributes.set(key, value);
      isChanged = true;
    }
    return isChanged;
  }

  #complain(expression: string, reason: string): void {
    if (this.#complained.has(expression)) return;
    this.#complained.add(expression);
    this.#onError({ expression, reason });
  }
}

function deletion(patterns: readonly string[]): (key: string) => boolean {
  const globs = patterns.map((pattern) => compileGlob(pattern));
  return (key) => !isGovernanceKey(key) && globs.some((matches) => matches(key));
}

function deleteKeys({ isDeleted }: Rule, { attributes }: Span): boolean {
  if (isDeleted === undefined) return false;
  const keys = [...attributes.keys()].filter((key) => isDeleted(key));
  for (const key of keys) attributes.delete(key);
  return keys.length > 0;
}

/** What CEL gives as an attribute's value; `undefined` for what is none. */
function attributeValue(value: unknown, depth: number): AttributeValue | undefined {
  if (typeof value === "string") return value.length <= TEXT_LENGTH_MAX ? value : undefined;
  if (typeof value === "boolean" || typeof value === "number" || value === null) return value;
  if (typeof value === "bigint") return value <= INT64_MAX && value >= -INT64_MAX - 1n ? value : undefined;
  if (value instanceof Uint8Array) return value.length <= TEXT_LENGTH_MAX ? value : undefined;
  if (!Array.isArray(value) || depth >= DEPTH_MAX) return undefined;
  const items = value.map((item) => attributeValue(item, depth + 1));
  return items.every((item) => item !== undefined) ? items : undefined;
}
