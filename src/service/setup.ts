import { existsSync } from "node:fs";
import { findFiles } from "../config/governance/find-files.ts";
import type { Governance } from "../config/governance/governance.ts";
import { loadGovernance } from "../config/governance/load-governance.ts";
import { type LoadedFile, loadFile } from "../config/load.ts";
import { ConfigInvalid, type ConfigProblem } from "../config/problem.ts";
import type { Environment } from "../config/yaml-document.ts";
import { type Config, configSchema } from "./config-schema.ts";
import { type DataDirectory, dataDirectory } from "./data-directory.ts";
import { exposureProblems } from "./exposure.ts";
import { tlsProblems } from "./tls-files.ts";

export const DEFAULT_CONFIG_FILE = "tollgate.yaml";

/** What a service is started with. */
export interface Setup {
  readonly config: Config;
  /** What paths in it are relative to. */
  readonly configDirectory: string;
  readonly governance: Governance;
  readonly data: DataDirectory;
}

/**
 * Reads tollgate.yaml and the governance documents it points to. Throws `ConfigInvalid` with every problem of all of them.
 * `file` defaults to ./tollgate.yaml when that is there, else to nothing: all defaults.
 */
export function loadSetup(options: {
  readonly file: string | undefined;
  readonly dataDir: string | undefined;
  readonly environment: Environment;
}): Setup {
  const file = options.file ?? (existsSync(DEFAULT_CONFIG_FILE) ? DEFAULT_CONFIG_FILE : undefined);
  const loaded = loadFile({ schema: configSchema, file, environment: options.environment });
  const problems: ConfigProblem[] = [...exposureProblems(loaded), ...tlsProblems(loaded)];
  const governance = governanceOf(loaded, options.environment, problems);
  if (governance === undefined || problems.length > 0) throw new ConfigInvalid(problems);
  return {
    config: loaded.value,
    configDirectory: loaded.directory,
    governance,
    data: dataDirectory(options.dataDir),
  };
}

function governanceOf(
  loaded: LoadedFile<Config>,
  environment: Environment,
  problems: ConfigProblem[],
): Governance | undefined {
  const found = findFiles({
    paths: loaded.value.governance.paths,
    directory: loaded.directory,
    // The default directory need not be there; one that was written down must be.
    report: (index, message) => {
      const path = ["governance", "paths", index];
      return loaded.isWritten(["governance", "paths"]) ? loaded.problem(path, message) : undefined;
    },
  });
  problems.push(...found.problems);
  try {
    return loadGovernance({ files: found.files, environment });
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
