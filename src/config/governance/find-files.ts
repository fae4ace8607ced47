import { readdirSync, statSync } from "node:fs";
import { extname, join, relative, resolve } from "node:path";
import type { ConfigProblem } from "../problem.ts";

const EXTENSIONS: ReadonlySet<string> = new Set([".yaml", ".yml"]);
const TEST = /\.test\.ya?ml$/;
const FILES_MAX = 10_000;

export interface FoundFiles {
  /** As a person would write them: relative to the working directory when they are below it. Sorted, each once. */
  readonly files: readonly string[];
  readonly problems: readonly ConfigProblem[];
}

/**
 * The YAML files behind `governance.paths`. A directory is searched all the way down; names that start with a dot are
 * left out, and so are the tests of policies (`*.test.yaml`). `report` makes the problem of a path that is not there, or `undefined` where that is fine.
 */
export function findFiles(options: {
  readonly paths: readonly string[];
  readonly directory: string;
  readonly report: (index: number, message: string) => ConfigProblem | undefined;
}): FoundFiles {
  const files = new Set<string>();
  const problems: ConfigProblem[] = [];
  for (const [index, path] of options.paths.entries()) {
    const absolute = resolve(options.directory, path);
    const message = collect(absolute, files);
    const problem = message === undefined ? undefined : options.report(index, message);
    if (problem !== undefined) problems.push(problem);
  }
  return { files: [...files].sort().map(shortest), problems };
}

/** Adds what it finds; says what is wrong with the path itself. */
function collect(path: string, files: Set<string>): string | undefined {
  try {
    if (!statSync(path).isDirectory()) {
      files.add(path);
      return undefined;
    }
    for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
      const file = join(entry.parentPath, entry.name);
      const isHidden = relative(path, file)
        .split("/")
        .some((part) => part.startsWith("."));
      if (!entry.isDirectory() && !isHidden && EXTENSIONS.has(extname(entry.name)) && !TEST.test(entry.name))
        files.add(file);
      if (files.size > FILES_MAX) return `more than ${FILES_MAX} files`;
    }
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file or directory" : (error as Error).message;
  }
}

function shortest(file: string): string {
  const short = relative(process.cwd(), file);
  return short === "" || short.startsWith("..") ? file : short;
}
