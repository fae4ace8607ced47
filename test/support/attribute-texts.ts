import { attributeText } from "../../src/pdata/attribute-text.ts";
import type { Attributes } from "../../src/pdata/span.ts";

/** All attributes as they are stored: text, by key. */
export function attributeTexts(attributes: Attributes): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from(attributes, ([key, value]) => [key, attributeText(value)]));
}
