/**
 * What follows from the keys of attributes alone (which of them are old names, which dialect they belong to) is the same
 * for all spans with the same keys: worked out once for each shape, as far as the attributes have one.
 */
import { WireAttributes } from "./otlp/wire-attributes.ts";
import type { Attributes } from "./span.ts";

/** Keys, to be gone through or asked. */
type Keys = Pick<Attributes, "keys" | "has">;

export class KeyMemo<T extends object> {
  static #count = 0;

  readonly #derive: (all: Keys) => T;
  /** Where each shape has what was worked out here. Not a map of shapes: each span is asked for by eight memos. */
  readonly #place: number = (KeyMemo.#count += 1) - 1;

  /** `derive` must depend on nothing but the keys; what it returns is shared, so nobody may change it. */
  constructor(derive: (all: Keys) => T) {
    this.#derive = derive;
  }

  of(attributes: Attributes): T {
    const shape = attributes instanceof WireAttributes ? attributes.shape : undefined;
    if (shape === undefined) return this.#derive(attributes);
    const known = shape.memos[this.#place];
    // INVARIANT: nobody else writes at this place.
    if (known !== undefined) return known as T;
    const result = this.#derive(attributes);
    shape.memos[this.#place] = result;
    return result;
  }
}
