/**
 * What is looked for in values: detectors and the patterns of the configuration. All findings are collected on the text as it
 * came and only then replaced, so that no rule ever sees another's replacement.
 */
import { type Detector, type DetectorName, DETECTORS, type Finding } from "./detectors.ts";
import type { KeyedHash } from "./keyed-hash.ts";

/** What an attribute of a span may hold. */
export type AttributeValue =
  | string
  | boolean
  | number
  | bigint
  | Uint8Array
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

export type RedactAction = "mask" | "hash" | "drop";

export interface ValueRulesOptions {
  readonly detectors: readonly DetectorName[];
  /** Further ones: patterns of the configuration. */
  readonly patterns: readonly Detector[];
  readonly action: RedactAction;
  readonly hash: KeyedHash;
}

/** `undefined` for a value that may not stay at all (`action: drop`). */
export type Cleaned = { readonly value: AttributeValue } | undefined;

export class ValueRules {
  readonly #detectors: readonly Detector[];
  readonly #action: RedactAction;
  readonly #hash: KeyedHash;

  constructor(options: ValueRulesOptions) {
    this.#detectors = [...options.detectors.map((name) => DETECTORS[name]), ...options.patterns];
    this.#action = options.action;
    this.#hash = options.hash;
  }

  get isEmpty(): boolean {
    return this.#detectors.length === 0;
  }

  /** The very same value when nothing was found. Goes into arrays and objects, their keys included; bytes and numbers stay. */
  clean(value: AttributeValue): Cleaned {
    if (typeof value === "string") return this.#cleanText(value);
    if (typeof value !== "object" || value === null || value instanceof Uint8Array) return { value };
    return isList(value) ? this.#cleanList(value) : this.#cleanObject(value);
  }

  #cleanText(text: string): Cleaned {
    const found: Finding[] = [];
    for (const detector of this.#detectors) detector.find(text, found);
    if (found.length === 0) return { value: text };
    return this.#action === "drop" ? undefined : { value: this.#replaced(text, found) };
  }

  #replaced(text: string, found: Finding[]): string {
    found.sort((a, b) => a.start - b.start || b.end - a.end);
    let result = "";
    let at = 0;
    for (const { start, end, name } of merged(found)) {
      result += text.slice(at, start) + (this.#action === "hash" ? this.#hash(text.slice(start, end)) : `[${name}]`);
      at = end;
    }
    return result + text.slice(at);
  }

  #cleanList(list: readonly AttributeValue[]): Cleaned {
    let isChanged = false;
    const cleaned: AttributeValue[] = [];
    for (const element of list) {
      const clean = this.clean(element);
      isChanged ||= clean?.value !== element;
      if (clean !== undefined) cleaned.push(clean.value);
    }
    return { value: isChanged ? cleaned : list };
  }

  #cleanObject(object: { readonly [key: string]: AttributeValue }): Cleaned {
    let isChanged = false;
    const cleaned = Object.create(null) as Record<string, AttributeValue>;
    for (const [key, member] of Object.entries(object)) {
      const cleanKey = this.#cleanText(key)?.value;
      const clean = this.clean(member);
      isChanged ||= cleanKey !== key || clean?.value !== member;
      if (typeof cleanKey === "string" && clean !== undefined) cleaned[cleanKey] = clean.value;
    }
    return { value: isChanged ? cleaned : object };
  }
}

/** Sorted findings without overlaps: what touches is one, under the name of the first. */
function merged(sorted: readonly Finding[]): Finding[] {
  const result: Finding[] = [];
  for (const finding of sorted) {
    const last = result.at(-1);
    if (last === undefined || finding.start >= last.end) result.push(finding);
    else if (finding.end > last.end) result[result.length - 1] = { ...last, end: finding.end };
  }
  return result;
}

function isList(value: AttributeValue): value is readonly AttributeValue[] {
  return Array.isArray(value);
}
