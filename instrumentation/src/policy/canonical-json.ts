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
const KEYS_WIDE = 8_192;
const wide = new WeakSet<object>();

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Arguments in canonical form. `value` is frozen at every depth. */
export class CanonicalArguments {
  readonly json: string;
  readonly value: JsonValue;
  #digest: string | undefined;

  constructor(parts: { readonly json: string; readonly value: JsonValue }) {
    this.json = parts.json;
    this.value = parts.value;
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
    const { json, copy } = walk.visit(value);
    return { ok: true, arguments: new CanonicalArguments({ json, value: copy }) };
  } catch (error) {
    return { ok: false, reason: error instanceof NotCanonical ? error.message : "arguments can't be read" };
  }
}

/** Whether it is an object of canonical arguments with so many members that listing them takes milliseconds. */
export function isWide(value: object): boolean {
  return wide.has(value);
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
  /** Collections around the value, from the outermost on: at most as many as values may nest. */
  readonly #ancestors: object[] = [];
  /** Keys and indexes that lead to the value. */
  readonly #path: (string | number)[] = [];
  #nodes = 0;
  #length = 0;

  visit(value: unknown): Visited {
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX) throw new NotCanonical(`arguments have more than ${NODES_MAX} values`);
    if (this.#path.length > DEPTH_MAX)
      throw new NotCanonical(`\`${this.#place()}\` is nested deeper than ${DEPTH_MAX}`);
    switch (typeof value) {
      case "string":
        return { json: this.#text(value), copy: value };
      case "number":
        if (!Number.isFinite(value))
          throw new NotCanonical(`\`${this.#place()}\` is ${value}, which JSON does not have`);
        return { json: JSON.stringify(value), copy: value === 0 ? 0 : value };
      case "boolean":
        return { json: value ? "true" : "false", copy: value };
      case "object":
        return value === null ? { json: "null", copy: null } : this.#collection(value);
      default:
        throw new NotCanonical(`\`${this.#place()}\` is a ${typeof value}, which JSON does not have`);
    }
  }

  #collection(value: object): Visited {
    if (types.isProxy(value)) throw new NotCanonical(`\`${this.#place()}\` is a Proxy`);
    if (this.#ancestors.includes(value)) throw new NotCanonical(`\`${this.#place()}\` contains itself`);
    this.#ancestors.push(value);
    const visited = Array.isArray(value) ? this.#array(value) : this.#object(value);
    this.#ancestors.pop();
    return visited;
  }

  #array(value: readonly unknown[]): Visited {
    if (value.length > NODES_MAX) throw new NotCanonical(`\`${this.#place()}\` has more than ${NODES_MAX} items`);
    if (Reflect.ownKeys(value).length !== value.length + 1)
      throw new NotCanonical(`\`${this.#place()}\` is no plain array`);
    const copy: JsonValue[] = [];
    let json = "[";
    for (let index = 0; index < value.length; index += 1) {
      this.#path.push(index);
      const item = this.visit(this.#dataOf(value, String(index)));
      this.#path.pop();
      json += index === 0 ? item.json : `,${item.json}`;
      copy.push(item.copy);
    }
    return { json: `${json}]`, copy: Object.freeze(copy) };
  }

  #object(value: object): Visited {
    const prototype: unknown = Object.getPrototypeOf(value);
    // The null test twice: a plain object of another realm has that realm's Object.prototype.
    if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null)
      throw new NotCanonical(`\`${this.#place()}\` is no plain object`);
    const keys: string[] = [];
    const own = Reflect.ownKeys(value);
    // Before they are sorted.
    if (own.length > NODES_MAX) throw new NotCanonical(`\`${this.#place()}\` has more than ${NODES_MAX} members`);
    for (const key of own) {
      if (typeof key === "symbol") throw new NotCanonical(`\`${this.#place()}\` has a symbol as a key`);
      keys.push(key);
    }
    const copy: Record<string, JsonValue> = {};
    let json = "{";
    // RFC 8785 section 3.2.3 sorts by UTF-16 code units, which is what sort() does.
    for (const key of keys.sort()) {
      this.#path.push(key);
      const member = this.#dataOf(value, key);
      if (member !== undefined) {
        const visited = this.visit(member);
        json += `${json.length === 1 ? "" : ","}${this.#text(key)}:${visited.json}`;
        setOwn(copy, key, visited.copy);
      }
      this.#path.pop();
    }
    if (keys.length > KEYS_WIDE) wide.add(copy);
    return { json: `${json}}`, copy: Object.freeze(copy) };
  }

  #text(text: string): string {
    this.#length += text.length;
    if (this.#length > ARGUMENTS_LENGTH_MAX)
      throw new NotCanonical(`arguments are longer than ${ARGUMENTS_LENGTH_MAX} characters`);
    if (!text.isWellFormed()) throw new NotCanonical(`\`${this.#place()}\` has a lone surrogate`);
    return JSON.stringify(text);
  }

  /** The value of an own data property; never calls an accessor. */
  #dataOf(owner: object, key: string): unknown {
    const descriptor = Object.getOwnPropertyDescriptor(owner, key);
    if (descriptor === undefined || !("value" in descriptor))
      throw new NotCanonical(`\`${this.#place()}\` is an accessor or missing`);
    if (descriptor.enumerable !== true) throw new NotCanonical(`\`${this.#place()}\` is hidden`);
    const value: unknown = descriptor.value;
    return value;
  }

  #place(): string {
    const steps = this.#path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step.slice(0, 64)}`));
    return `arguments${steps.join("")}`.toWellFormed();
  }
}

/** Not always by assignment: a key like `__proto__` would set the prototype, or call what somebody put there. */
function setOwn(owner: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key in Object.prototype) Object.defineProperty(owner, key, { value, enumerable: true });
  else owner[key] = value;
}
