/**
 * The texts and numbers in data of any kind, one a line: plain data, maps, sets, instances of classes by their own members, bytes.
 * Nobody's code is run: accessors and proxies are not looked into. Bounded, as it is done for each result of a tool: long
 * texts are read at their beginning and their end. What was left out is said.
 */
import { types } from "node:util";

const TEXT_LENGTH_MAX = 65_536;
const VALUES_MAX = 10_000;
const DEPTH_MAX = 16;

export interface Texts {
  readonly text: string;
  /** Nothing was left out. */
  readonly isWhole: boolean;
}

/** Never throws. */
export function textsOf(data: unknown): Texts {
  const reading = new Reading();
  reading.visit(data, 0);
  return { text: reading.parts.join("\n"), isWhole: reading.isWhole };
}

class Reading {
  readonly parts: string[] = [];
  isWhole = true;
  #length = 0;
  #values = 0;
  readonly #seen = new Set<object>();
  /** The same in each of many rows. */
  readonly #keys = new Set<string>();

  visit(value: unknown, depth: number): void {
    if (!this.#hasRoom(depth)) return;
    this.#values += 1;
    if (typeof value === "string") this.#add(value);
    else if (typeof value === "number" || typeof value === "bigint") this.#add(String(value));
    else if (typeof value === "object" && value !== null && !this.#seen.has(value)) {
      this.#seen.add(value);
      this.#visitObject(value, depth + 1);
    }
  }

  #visitObject(value: object, depth: number): void {
    if (types.isProxy(value)) this.isWhole = false;
    else if (types.isMap(value)) this.#visitAll(Map.prototype.entries.call(value), depth);
    else if (types.isSet(value)) this.#visitAll(Set.prototype.values.call(value), depth);
    else if (types.isAnyArrayBuffer(value)) this.#addBytes(Buffer.from(value));
    else if (ArrayBuffer.isView(value)) this.#addBytes(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    else if (Array.isArray(value)) this.#visitList(value as readonly unknown[], depth);
    else this.#visitMembers(value, depth);
  }

  #visitAll(values: Iterable<unknown>, depth: number): void {
    for (const value of values) {
      if (!this.#hasRoom(depth)) return;
      this.visit(value, depth);
    }
  }

  /** By its places: a list may have an iterator of somebody's. */
  #visitList(list: readonly unknown[], depth: number): void {
    for (let index = 0; index < list.length; index += 1) {
      if (!this.#hasRoom(depth)) return;
      this.#visitMember(Object.getOwnPropertyDescriptor(list, index), depth);
    }
  }

  #visitMembers(value: object, depth: number): void {
    let isKnown = isPlain(value) || types.isDate(value) || types.isRegExp(value);
    const isError = types.isNativeError(value);
    for (const key of Object.getOwnPropertyNames(value)) {
      if (!this.#hasRoom(depth)) return;
      isKnown = true;
      // An accessor of the engine's, with the message once more.
      if (isError && key === "stack") continue;
      if (!this.#keys.has(key)) {
        this.#keys.add(key);
        this.#add(key);
      }
      this.#visitMember(Object.getOwnPropertyDescriptor(value, key), depth);
    }
    const { href } = urlOf(value);
    if (href !== undefined) this.#add(href);
    // It holds what it has where nobody can look: a stream, an answer of `fetch`.
    else if (!isKnown) this.isWhole = false;
  }

  #visitMember(member: PropertyDescriptor | undefined, depth: number): void {
    if (member?.get !== undefined) this.isWhole = false;
    else this.visit(member?.value, depth);
  }

  #add(text: string): void {
    if (text.length <= TEXT_LENGTH_MAX) {
      this.parts.push(text);
      this.#length += text.length;
      return;
    }
    this.isWhole = false;
    this.parts.push(text.slice(0, TEXT_LENGTH_MAX / 2), text.slice(-TEXT_LENGTH_MAX / 2));
    this.#length += TEXT_LENGTH_MAX;
  }

  #addBytes(bytes: Buffer): void {
    const isLong = bytes.length > TEXT_LENGTH_MAX;
    const read = isLong ? [bytes.subarray(0, TEXT_LENGTH_MAX / 2), bytes.subarray(-TEXT_LENGTH_MAX / 2)] : [bytes];
    if (isLong) this.isWhole = false;
    for (const part of read) this.#add(part.toString("utf8"));
  }

  #hasRoom(depth: number): boolean {
    const hasRoom = this.#values < VALUES_MAX && depth <= DEPTH_MAX && this.#length <= TEXT_LENGTH_MAX;
    if (!hasRoom) this.isWhole = false;
    return hasRoom;
  }
}

function urlOf(value: object): { readonly href?: string } {
  if (!(value instanceof URL)) return {};
  try {
    return { href: String(Reflect.get(URL.prototype, "href", value)) };
  } catch {
    return {};
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
