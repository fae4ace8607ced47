import type { LoadedFile } from "../config/load.ts";
import type { ConfigProblem } from "../config/problem.ts";
import { TlsFileError, type TlsServerConfig, readTlsServerFiles } from "../config/tls.ts";
import type { Config } from "./config-schema.ts";

/** What is wrong with the certificates and keys that a config names, by the path of the setting. */
export function tlsProblems(loaded: LoadedFile<Config>): readonly ConfigProblem[] {
  const { http, grpc } = loaded.value.receivers.otlp.protocols;
  return Object.entries({ http, grpc }).flatMap(([protocol, { tls }]) => {
    const path = ["receivers", "otlp", "protocols", protocol, "tls"];
    return tls === undefined ? [] : problemsOf({ loaded, path, tls });
  });
}

function problemsOf(options: {
  readonly loaded: LoadedFile<Config>;
  readonly path: readonly string[];
  readonly tls: TlsServerConfig;
}): readonly ConfigProblem[] {
  const { loaded, path, tls } = options;
  try {
    readTlsServerFiles(tls, loaded.directory);
    return [];
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    return [loaded.problem([...path, error.key], error.message)];
  }
}
