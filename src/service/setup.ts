import { existsSync } from "node:fs";
import type { Governance } from "../config/governance/governance.ts";
import { type GovernanceReader, governanceReader } from "../config/governance/governance-reader.ts";
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
  /** Reads the governance documents again. */
  readonly governanceReader: GovernanceReader;
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
  const reader = readerOf(loaded, options.environment);
  const governance = readFirst(reader, problems);
  if (governance === undefined || problems.length > 0) throw new ConfigInvalid(problems);
  return {
    config: loaded.value,
    configDirectory: loaded.directory,
    governance,
    governanceReader: reader,
    data: dataDirectory(options.dataDir),
  };
}

function readerOf(loaded: LoadedFile<Config>, environment: Environment): GovernanceReader {
  return governanceReader({
    paths: loaded.value.governance.paths,
    directory: loaded.directory,
    environment,
    // The default directory need not be there; one that was written down must be.
    report: (index, message, isRequired) => {
      const path = ["governance", "paths", index];
      const isWritten = loaded.isWritten(["governance", "paths"]);
      return isWritten || isRequired ? loaded.problem(path, message) : undefined;
    },
  });
}

function readFirst(reader: GovernanceReader, problems: ConfigProblem[]): Governance | undefined {
  try {
    return reader.read();
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
