/**
 * What every use of CEL (https://cel.dev) shares here: the engine, loaded on first use, its bounds, and how its complaints are
 * put into words.
 */
import type * as Cel from "@marcbachmann/cel-js";
import { compileGlob } from "../glob.ts";
import { loadPackage } from "../../own-package.ts";

export const CEL_NODES_MAX = 400;
export const CEL_LENGTH_MAX = 2048;

const LIMITS = {
  maxAstNodes: CEL_NODES_MAX,
  maxDepth: 32,
  maxListElements: 128,
  maxMapEntries: 128,
  maxCallArguments: 8,
};

/** An environment with `glob` and no variables yet. The engine is loaded here: most processes have no expressions. */
export function createCelEnvironment(): Cel.Environment {
  const cel = loadPackage("@marcbachmann/cel-js") as typeof Cel;
  return new cel.Environment({ limits: LIMITS, homogeneousAggregateLiterals: false }).registerFunction(
    "glob(string, string): bool",
    (text: string, pattern: string) => rememberedGlob(pattern)(text),
  );
}

/** Why an expression is not accepted. `line` and `column` from 1, within it. */
export interface CelFailure {
  readonly ok: false;
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

const GLOBS_MAX = 256;
const globs = new Map<string, (text: string) => boolean>();

function rememberedGlob(pattern: string): (text: string) => boolean {
  const known = globs.get(pattern);
  if (known !== undefined) return known;
  const compiled = compileGlob(pattern);
  if (globs.size >= GLOBS_MAX) globs.clear();
  globs.set(pattern, compiled);
  return compiled;
}

/** The failure that an error of the engine tells of. */
export function failureOf(source: string, error: unknown): CelFailure {
  const range =
    error instanceof Error && "range" in error ? (error.range as { readonly start?: number } | undefined) : undefined;
  return failure(source, firstLine(error), range?.start ?? 0);
}

export function failure(source: string, message: string, at: number): CelFailure {
  const before = source.slice(0, at).split("\n");
  return { ok: false, message, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** cel-js draws the expression under its message; one line is enough in a log. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0] ?? message;
}

/** The nodes beneath one, whatever shape its arguments have. */
export function childrenOf(args: unknown): readonly Cel.ASTNode[] {
  if (isNode(args)) return [args];
  return Array.isArray(args) ? args.flatMap((item) => childrenOf(item)) : [];
}

export function isNode(value: unknown): value is Cel.ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}
