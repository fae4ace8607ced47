/**
 * What follows from the keys of attributes alone (which of them are old names, which dialect they belong to) is the same
 * for all spans with the same keys: worked out once for each shape, as far as the attributes have one.
 */
import type { AttributeShape } from "./otlp/attribute-shape.ts";
import { WireAttributes } from "./otlp/wire-attributes.ts";
import type { Attributes } from "./span.ts";

export class KeyMemo<T extends object> {
  readonly #derive: (keys: Iterable<string>) => T;
  readonly #known = new WeakMap<AttributeShape, T>();

  /** `derive` must depend on nothing but the keys; what it returns is shared, so nobody may change it. */
  constructor(derive: (keys: Iterable<string>) => T) {
    this.#derive = derive;
  }

  of(attributes: Attributes): T {
    const shape = attributes instanceof WireAttributes ? attributes.shape : undefined;
    if (shape === undefined) return this.#derive(attributes.keys());
    let result = this.#known.get(shape);
    if (result === undefined) {
      result = this.#derive(shape.keys);
      this.#known.set(shape, result);
    }
    return result;
  }
}
