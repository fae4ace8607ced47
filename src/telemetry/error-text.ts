import { inspect } from "node:util";

/** The text of an error for a log field: message and causes, no stack. */
export function errorText(error: unknown): string {
  const parts: string[] = [];
  for (let current: unknown = error; current !== undefined && parts.length < 5;) {
    parts.push(current instanceof Error ? current.message || current.name : inspect(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(": ");
}
