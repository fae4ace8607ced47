import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { freezeDeep } from "./freeze.ts";
import { ConfigInvalid, type ConfigProblem } from "./problem.ts";
import { validate } from "./validate.ts";
import { type Environment, type LocatedDocument, problemAt, readYaml } from "./yaml-document.ts";

/** A file that passed its schema, frozen, with what is needed to report problems found later. */
export interface LoadedFile<T> {
  readonly value: T;
  /** As given; "" when there was no file. */
  readonly file: string;
  /** What paths in the file are relative to. */
  readonly directory: string;
  /** A problem at a place of the file. */
  problem(path: readonly PropertyKey[], message: string): ConfigProblem;
  /** True when the person wrote the key: its value is not a default. */
  isWritten(path: readonly PropertyKey[]): boolean;
}

/**
 * Reads one YAML file against a schema. Throws `ConfigInvalid` with every problem. With `file: undefined`, or an empty
 * file, all defaults apply.
 */
export function loadFile<S extends z.ZodType>(options: {
  readonly schema: S;
  readonly file: string | undefined;
  readonly environment: Environment;
}): LoadedFile<z.output<S>> {
  const { schema, file, environment } = options;
  const document = file === undefined ? nothing("(defaults)") : readOnly(file, environment);
  const validated = validate(schema, document);
  if (!validated.ok) throw new ConfigInvalid(validated.problems);
  return {
    value: freezeDeep(validated.value),
    file: file ?? "",
    directory: file === undefined ? resolve(".") : dirname(resolve(file)),
    problem: (path, message) => problemAt(document, path, message),
    isWritten: (path) => valueAt(document.value, path) !== undefined,
  };
}

function readOnly(file: string, environment: Environment): LocatedDocument {
  const { documents, problems } = readYaml({ file, text: readText(file), environment });
  const second = documents[1];
  const all =
    second === undefined ? problems : [...problems, problemAt(second, [], "expected one document, not several")];
  if (all.length > 0) throw new ConfigInvalid(all);
  return documents[0] ?? nothing(file);
}

function nothing(file: string): LocatedDocument {
  return { file, value: {}, locate: () => ({ line: 0, column: 0 }) };
}

/** The text of a file, or `ConfigInvalid` that says why not. */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (error as Error).message;
    throw new ConfigInvalid([{ file, line: 0, column: 0, path: "", message: reason }]);
  }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = (current as Record<PropertyKey, unknown>)[step];
  }
  return current;
}
