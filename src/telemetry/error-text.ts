import { inspect } from "node:util";

/** The text of an error for a log field: message and causes, each once, no stack. */
export function errorText(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && depth < 5; depth += 1) {
    const text = current instanceof Error ? current.message || current.name : inspect(current);
    if (parts.at(-1)?.endsWith(text) !== true) parts.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(": ");
}
