import { asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";

/** A member of a body that is JSON or a form with files. */
export function memberOf(body: Body, name: string): unknown {
  return body instanceof FormData ? (body.get(name) ?? undefined) : body[name];
}

export function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}

/** A count, also as a form has it: as text. */
export function countOf(value: unknown): number | undefined {
  const text = asText(value);
  const number = text === undefined ? value : Number(text);
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
