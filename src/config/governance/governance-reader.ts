import { resolve } from "node:path";
import { statSync } from "node:fs";
import { ConfigInvalid, type ConfigProblem } from "../problem.ts";
import type { Environment } from "../yaml-document.ts";
import { findFiles } from "./find-files.ts";
import type { Governance } from "./governance.ts";
import { loadGovernance } from "./load-governance.ts";

/** Reads `governance.paths`, as often as it is asked. */
export interface GovernanceReader {
  /** Absolute. */
  readonly paths: readonly string[];
  /**
   * Throws `ConfigInvalid` with every problem. A path that was there when it was read well must be there ever after: a
   * directory that vanished is taken for a mistake, an empty one for a wish.
   */
  read(): Governance;
}

export function governanceReader(options: {
  readonly paths: readonly string[];
  readonly directory: string;
  readonly environment: Environment;
  /** The problem of a path; `undefined` where it need not be there. */
  readonly report: (index: number, message: string, isRequired: boolean) => ConfigProblem | undefined;
}): GovernanceReader {
  const { directory, environment, report } = options;
  const paths = options.paths.map((path) => resolve(directory, path));
  let seen: ReadonlySet<string> = new Set();
  return {
    paths,
    read() {
      const found = findFiles({
        paths,
        directory,
        report: (index, message) => report(index, message, seen.has(paths[index] ?? "")),
      });
      const governance = readAll(found.files, found.problems, environment);
      seen = new Set(paths.filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined));
      return governance;
    },
  };
}

/** Problems of paths and of documents, all at once. */
function readAll(files: readonly string[], problems: readonly ConfigProblem[], environment: Environment): Governance {
  try {
    const governance = loadGovernance({ files, environment });
    if (problems.length > 0) throw new ConfigInvalid(problems);
    return governance;
  } catch (error) {
    if (!(error instanceof ConfigInvalid) || problems.length === 0 || error.problems === problems) throw error;
    throw new ConfigInvalid([...problems, ...error.problems]);
  }
}
