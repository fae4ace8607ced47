/**
 * Canonical JSON (RFC 8785) of a tool's arguments, with a frozen copy of them.
 *
 * A decision is made on the copy and the tool gets the copy, so nothing can change between check and use. What has no
 * canonical form has no digest that an approval could be bound to, and is refused with its reason and place: NaN and
 * Infinity, BigInt, functions, symbols, cycles, lone surrogates, accessors, Proxy objects, class instances (a Date, a
 * Buffer), holes in arrays, and what is too large. `undefined` members of objects are left out, as JSON does.
 * No code of the caller's runs: accessors are not called, and `toJSON` is a function like any other.
 */
import { createHash } from "node:crypto";
import { types } from "node:util";

export const ARGUMENTS_LENGTH_MAX = 1_048_576;
const DEPTH_MAX = 64;
const NODES_MAX = 100_000;

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** How large a value is, for bounding what a condition may do with it. */
export interface ValueSize {
  /** UTF-16 code units of the canonical text. */
  readonly length: number;
  /** Members of the largest array or object. */
  readonly widestCollection: number;
  /** Code units of the longest string. */
  readonly longestText: number;
}

/** Arguments in canonical form. `value` is frozen at every depth. */
export class CanonicalArguments {
  readonly json: string;
  readonly value: JsonValue;
  readonly size: ValueSize;
  #digest: string | undefined;

  constructor(parts: { readonly json: string; readonly value: JsonValue; readonly size: ValueSize }) {
    this.json = parts.json;
    this.value = parts.value;
    this.size = parts.size;
  }

  /** SHA-256 of the canonical JSON in lower-case hex; computed when first asked for. */
  get digest(): string {
    this.#digest ??= createHash("sha256").update(this.json, "utf8").digest("hex");
    return this.#digest;
  }
}

export type CanonicalOutcome =
  | { readonly ok: true; readonly arguments: CanonicalArguments }
  | { readonly ok: false; readonly reason: string };

/** Never throws. */
export function canonicalArguments(value: unknown): CanonicalOutcome {
  const walk = new CanonicalWalk();
  try {
    const { json, copy } = walk.visit(value, "arguments", 0);
    const size = { length: json.length, widestCollection: walk.widestCollection, longestText: walk.longestText };
    return { ok: true, arguments: new CanonicalArguments({ json, value: copy, size }) };
  } catch (error) {
    return { ok: false, reason: error instanceof NotCanonical ? error.message : "arguments can't be read" };
  }
}

/** The canonical text, or `undefined` when there is none. */
export function canonicalJson(value: unknown): string | undefined {
  const outcome = canonicalArguments(value);
  return outcome.ok ? outcome.arguments.json : undefined;
}

/** SHA-256 of the canonical text in lower-case hex, or `undefined` when there is none. */
export function argumentsDigest(value: unknown): string | undefined {
  const outcome = canonicalArguments(value);
  return outcome.ok ? outcome.arguments.digest : undefined;
}

class NotCanonical extends Error {}

interface Visited {
  readonly json: string;
  readonly copy: JsonValue;
}

class CanonicalWalk {
  widestCollection = 0;
  longestText = 0;
  readonly #ancestors = new Set<object>();
  #nodes = 0;
  #length = 0;

  visit(value: unknown, path: string, depth: number): Visited {
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX) throw new NotCanonical(`arguments have more than ${NODES_MAX} values`);
    if (depth > DEPTH_MAX) throw new NotCanonical(`\`${path}\` is nested deeper than ${DEPTH_MAX}`);
    switch (typeof value) {
      case "string":
        return { json: this.#text(value, path), copy: value };
      case "number":
        if (!Number.isFinite(value)) throw new NotCanonical(`\`${path}\` is ${value}, which JSON does not have`);
        return { json: JSON.stringify(value), copy: value === 0 ? 0 : value };
      case "boolean":
        return { json: value ? "true" : "false", copy: value };
      case "object":
        return value === null ? { json: "null", copy: null } : this.#collection(value, path, depth);
      default:
        throw new NotCanonical(`\`${path}\` is a ${typeof value}, which JSON does not have`);
    }
  }

  #collection(value: object, path: string, depth: number): Visited {
    if (types.isProxy(value)) throw new NotCanonical(`\`${path}\` is a Proxy`);
    if (this.#ancestors.has(value)) throw new NotCanonical(`\`${path}\` contains itself`);
    this.#ancestors.add(value);
    const visited = Array.isArray(value) ? this.#array(value, path, depth) : this.#object(value, path, depth);
    this.#ancestors.delete(value);
    return visited;
  }

  #array(value: readonly unknown[], path: string, depth: number): Visited {
    if (value.length > NODES_MAX) throw new NotCanonical(`\`${path}\` has more than ${NODES_MAX} items`);
    if (Reflect.ownKeys(value).length !== value.length + 1) throw new NotCanonical(`\`${path}\` is no plain array`);
    this.#count(value.length);
    const copy: JsonValue[] = [];
    const parts: string[] = [];
    for (let index = 0; index < value.length; index += 1) {
      const place = `${path}[${index}]`;
      const item = this.visit(dataOf(value, String(index), place), place, depth + 1);
      parts.push(item.json);
      copy.push(item.copy);
    }
    return { json: `[${parts.join(",")}]`, copy: Object.freeze(copy) };
  }

  #object(value: object, path: string, depth: number): Visited {
    const prototype: unknown = Object.getPrototypeOf(value);
    // The null test twice: a plain object of another realm has that realm's Object.prototype.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
      throw new NotCanonical(`\`${path}\` is no plain object`);
    const keys: string[] = [];
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key === "symbol") throw new NotCanonical(`\`${path}\` has a symbol as a key`);
      keys.push(key);
    }
    this.#count(keys.length);
    const copy: Record<string, JsonValue> = {};
    const parts: string[] = [];
    // RFC 8785 section 3.2.3 sorts by UTF-16 code units, which is what sort() does.
    for (const key of keys.sort()) {
      const place = `${path}.${key.slice(0, 64)}`;
      const member = dataOf(value, key, place);
      if (member === undefined) continue;
      const visited = this.visit(member, place, depth + 1);
      parts.push(`${this.#text(key, place)}:${visited.json}`);
      // Not by assignment: a key `__proto__` would set the prototype.
      Object.defineProperty(copy, key, { value: visited.copy, enumerable: true });
    }
    return { json: `{${parts.join(",")}}`, copy: Object.freeze(copy) };
  }

  #text(text: string, path: string): string {
    this.#length += text.length;
    if (this.#length > ARGUMENTS_LENGTH_MAX)
      throw new NotCanonical(`arguments are longer than ${ARGUMENTS_LENGTH_MAX} characters`);
    if (!text.isWellFormed()) throw new NotCanonical(`\`${path}\` has a lone surrogate`);
    if (text.length > this.longestText) this.longestText = text.length;
    return JSON.stringify(text);
  }

  #count(members: number): void {
    if (members > this.widestCollection) this.widestCollection = members;
  }
}

/** The value of an own data property; never calls an accessor. */
function dataOf(owner: object, key: string, place: string): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(owner, key);
  if (descriptor === undefined || !("value" in descriptor))
    throw new NotCanonical(`\`${place}\` is an accessor or missing`);
  if (descriptor.enumerable !== true) throw new NotCanonical(`\`${place}\` is hidden`);
  const value: unknown = descriptor.value;
  return value;
}
