import type { LoadedFile } from "../config/load.ts";
import type { ConfigProblem } from "../config/problem.ts";
import { TlsFileError, readTlsClientFiles, readTlsServerFiles } from "../config/tls.ts";
import type { Config } from "./config-schema.ts";
import { otlpInstances } from "./exporters-section.ts";

/** What is wrong with the certificates and keys that a config names, by the path of the setting. */
export function tlsProblems(loaded: LoadedFile<Config>): readonly ConfigProblem[] {
  const { directory } = loaded;
  const { http, grpc } = loaded.value.receivers.otlp.protocols;
  const servers = Object.entries({ http, grpc }).flatMap(([protocol, { tls }]) => {
    const path = ["receivers", "otlp", "protocols", protocol, "tls"];
    return tls === undefined ? [] : problemsOf({ loaded, path, read: () => readTlsServerFiles(tls, directory) });
  });
  const clients = otlpInstances(loaded.value.exporters).flatMap(({ name, config: { tls } }) =>
    problemsOf({ loaded, path: ["exporters", name, "tls"], read: () => readTlsClientFiles(tls, directory) }),
  );
  return [...servers, ...clients];
}

function problemsOf(options: {
  readonly loaded: LoadedFile<Config>;
  readonly path: readonly string[];
  readonly read: () => unknown;
}): readonly ConfigProblem[] {
  const { loaded, path, read } = options;
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    return [loaded.problem([...path, error.key], error.message)];
  }
}
