import type { z } from "zod";
import { hintOf, knownKeys } from "../support/known-keys.ts";
import type { ConfigProblem } from "./problem.ts";
import { type LocatedDocument, problemAt } from "./yaml-document.ts";

export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Runs a schema over a document and gives every problem its place. An unknown key is one problem each. */
export function validate<S extends z.ZodType>(schema: S, document: LocatedDocument): Validated<z.output<S>> {
  const result = schema.safeParse(document.value, { error: knownKeys });
  if (result.success) return { ok: true, value: result.data };
  const flat = result.error.issues.flatMap((issue) => flatten(issue, []));
  const problems = flat.map((problem) => problemAt(document, problem.path, problem.message));
  return { ok: false, problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

interface FlatIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function flatten(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[]): FlatIssue[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown key \`${key}\`${hintOf(issue)}` }));
  }
  if (issue.code === "invalid_union") {
    // The alternative that came closest is the one the person meant.
    const closest = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
    if (closest !== undefined && closest.length > 0 && depth(closest) > 0) {
      return closest.flatMap((inner) => flatten(inner, path));
    }
  }
  // Of a key, what is wrong with it says more than that something is.
  if (issue.code === "invalid_key") return issue.issues.flatMap((inner) => flatten(inner, path));
  const isMissing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
  return [{ path, message: isMissing ? "is required" : wording(issue.message) }];
}

function depth(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length + (issue.code === "unrecognized_keys" ? 1 : 0)));
}

function wording(message: string): string {
  return message.replace(/^Invalid (input|option|string): /, "").replace(/^([A-Z])(?=[a-z])/, (c) => c.toLowerCase());
}
