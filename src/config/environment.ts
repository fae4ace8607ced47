/**
 * What the processor and the CLI read from their environment, in one place. Everything else is in tollgate.yaml.
 */
export interface ProcessEnvironment {
  /** TOLLGATE_DATA_DIR */
  readonly dataDir: string | undefined;
  /** TOLLGATE_API: where the CLI finds the control API. */
  readonly apiUrl: string | undefined;
  /** TOLLGATE_TOKEN: the people's token, for a CLI that is not on the processor's machine. */
  readonly token: string | undefined;
  /** NO_COLOR is unset and FORCE_COLOR does not say otherwise; see https://no-color.org */
  readonly noColor: boolean;
  /** Everything, for `${env:NAME}` in config files. */
  readonly all: Readonly<Record<string, string | undefined>>;
}

/** Empty variables count as unset. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): ProcessEnvironment {
  const get = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  return {
    dataDir: get("TOLLGATE_DATA_DIR"),
    apiUrl: get("TOLLGATE_API"),
    token: get("TOLLGATE_TOKEN"),
    noColor: get("NO_COLOR") !== undefined,
    all: env,
  };
}
