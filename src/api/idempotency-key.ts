import { ApiProblem } from "./problem.ts";

const KEY_CHARS_MAX = 255;

/** What the header `Idempotency-Key` says; `undefined` without one. Throws `invalid_request`. */
export function idempotencyKeyOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && header !== "" && header.length <= KEY_CHARS_MAX) return header;
  throw new ApiProblem("invalid_request", `header.idempotency-key: expected one of 1 to ${KEY_CHARS_MAX} characters`);
}
