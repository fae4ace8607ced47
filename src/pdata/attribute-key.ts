import { LastTexts } from "./otlp/text-cache.ts";

/**
 * A key that is asked for in every span: a shape knows by its number where it stands, which is cheaper than by its text, and the
 * texts that came under it last are tried first.
 */
export class AttributeKey {
  static readonly #known = new Map<string, AttributeKey>();

  readonly name: string;
  /** 0, 1, 2, … */
  readonly number: number;
  readonly texts = new LastTexts();

  private constructor(name: string) {
    this.name = name;
    this.number = AttributeKey.#known.size;
  }

  /** The one of this name. For names that are known when modules are loaded: none is ever forgotten. */
  static of(name: string): AttributeKey {
    let key = AttributeKey.#known.get(name);
    if (key === undefined) AttributeKey.#known.set(name, (key = new AttributeKey(name)));
    return key;
  }
}
