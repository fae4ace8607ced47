import { AttributeKey } from "./attribute-key.ts";
import { textAttribute } from "./attribute-read.ts";
import { KeyMemo } from "./key-memo.ts";
import { WireAttributes } from "./otlp/wire-attributes.ts";
import type { Resource, Span } from "./span.ts";

/**
 * The first of some keys that is there as a text, on the span before the resource; "" when none is. Most of such keys are on no
 * span: which of them are is worked out once a shape, and what a resource says is read once for the spans that follow one another.
 */
export class FirstText {
  readonly #keys: readonly AttributeKey[];
  readonly #present: KeyMemo<readonly AttributeKey[]>;
  #resource: Resource | undefined;
  #textOfResource = "";

  constructor(keys: readonly string[]) {
    this.#keys = keys.map((key) => AttributeKey.of(key));
    this.#present = new KeyMemo((all) => this.#keys.filter(({ name }) => all.has(name)));
  }

  /** Nobody may change the resource's attributes before its last span was asked for. */
  of({ attributes, resource }: Pick<Span, "attributes" | "resource">): string {
    const keys = attributes instanceof WireAttributes ? this.#present.of(attributes) : this.#keys;
    for (const key of keys) {
      const text = textAttribute(attributes, key);
      if (text !== "") return text;
    }
    if (resource !== this.#resource) {
      this.#resource = resource;
      this.#textOfResource = this.#textOf(resource);
    }
    return this.#textOfResource;
  }

  #textOf({ attributes }: Resource): string {
    for (const key of this.#keys) {
      const text = textAttribute(attributes, key);
      if (text !== "") return text;
    }
    return "";
  }
}
