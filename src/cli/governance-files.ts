import { findFiles } from "../config/governance/find-files.ts";
import type { Governance } from "../config/governance/governance.ts";
import { loadGovernance } from "../config/governance/load-governance.ts";
import { ConfigInvalid } from "../config/problem.ts";
import type { Environment } from "../config/yaml-document.ts";

/** All documents of a directory or file, as a processor would read them. Throws `ConfigInvalid` with every problem. */
export function readGovernanceFiles(path: string, environment: Environment): Governance {
  const report = (_: number, message: string) => ({ file: path, line: 0, column: 0, path: "", message });
  const { files, problems } = findFiles({ paths: [path], directory: process.cwd(), report });
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return loadGovernance({ files, environment });
}
