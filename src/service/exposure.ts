import { isLoopback, toEndpoint } from "../config/endpoint.ts";
import type { LoadedFile } from "../config/load.ts";
import type { ConfigProblem } from "../config/problem.ts";
import type { Config } from "./config-schema.ts";

/** Where a config listens, by the path of its setting. */
export function listeningEndpoints(
  config: Config,
): readonly { readonly path: readonly string[]; readonly endpoint: string }[] {
  const { http, grpc } = config.receivers.otlp.protocols;
  const all = [
    { path: ["receivers", "otlp", "protocols", "http", "endpoint"], endpoint: http.endpoint },
    { path: ["receivers", "otlp", "protocols", "grpc", "endpoint"], endpoint: grpc?.endpoint },
    { path: ["api", "endpoint"], endpoint: config.api.endpoint },
    { path: ["storage", "embedded", "endpoint"], endpoint: config.storage.embedded?.endpoint },
  ];
  return all.flatMap(({ path, endpoint }) => (endpoint === undefined ? [] : [{ path, endpoint }]));
}

/** Listening beyond loopback needs `auth`: else anyone on the network could spend, and write spans in anyone's name. */
export function exposureProblems(loaded: LoadedFile<Config>): readonly ConfigProblem[] {
  const { value: config } = loaded;
  if (config.auth !== undefined) return [];
  return listeningEndpoints(config)
    .filter(({ endpoint }) => !isLoopback(toEndpoint(endpoint).host))
    .map(({ path, endpoint }) =>
      loaded.problem(
        path,
        `\`${endpoint}\` listens beyond this machine, which needs \`auth\`: add \`auth: { agents: [{ agents: [NAME], key: "\${env:TOLLGATE_AGENT_KEY}" }] }\`, or listen on 127.0.0.1`,
      ),
    );
}
