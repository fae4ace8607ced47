import type { z } from "zod";

const PREFIX = "known: ";

/**
 * For `safeParse(value, { error: knownKeys })`: the message of an unknown key says which ones there are. Everything else keeps its own
 * message.
 */
export function knownKeys(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "unrecognized_keys") return undefined;
  const { shape } = (issue.inst as z.ZodObject | undefined)?.def ?? {};
  return shape === undefined ? undefined : knownNames(Object.keys(shape));
}

/** The message of an unknown key's issue that says which ones there are. */
export function knownNames(names: readonly string[]): string {
  return `${PREFIX}${names.join(", ")}`;
}

/** What to say behind "unknown key": "" where nobody knows which ones there are. */
export function hintOf({ message }: { readonly message: string }): string {
  return message.startsWith(PREFIX) ? ` (${message})` : "";
}
