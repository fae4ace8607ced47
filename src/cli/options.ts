import { Option } from "commander";

/** Options that every command which asks the processor has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly api?: string;
  readonly dataDir?: string;
}

export const jsonOption = (): Option => new Option("--json", "print JSON instead of a table");

export const apiOption = (): Option =>
  new Option("--api <url>", "the processor's control API (TOLLGATE_API; default: the processor of the data directory)");

export const dataDirOption = (): Option =>
  new Option("--data-dir <dir>", "the processor's data directory (TOLLGATE_DATA_DIR; default ./.tollgate)");
