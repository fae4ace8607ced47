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
    { path: ["receivers", "otlp", "protocols", "grpc", "endpoint"], endpoint: grpc.endpoint },
    { path: ["api", "endpoint"], endpoint: config.api.endpoint },
    { path: ["storage", "embedded", "endpoint"], endpoint: config.storage.embedded?.endpoint },
  ];
  return all.flatMap(({ path, endpoint }) => (endpoint === undefined ? [] : [{ path, endpoint }]));
}

/**
 * Listening beyond loopback needs `auth`: else anyone on the network could spend, and write spans in anyone's name. The
 * embedded engine needs a password for those who read, too.
 */
export function exposureProblems(loaded: LoadedFile<Config>): readonly ConfigProblem[] {
  const { value: config } = loaded;
  const exposed = listeningEndpoints(config).filter(({ endpoint }) => !isLoopback(toEndpoint(endpoint).host));
  return exposed.flatMap(({ path, endpoint }) => {
    const missing = [
      ...(config.auth === undefined ? [AUTH] : []),
      ...(path[1] === "embedded" && config.storage.embedded?.readonly_password === undefined ? [PASSWORD] : []),
    ];
    return missing.map(({ setting, example }) =>
      loaded.problem(
        path,
        `\`${endpoint}\` listens beyond this machine, which needs \`${setting}\`: add \`${example}\`, or listen on 127.0.0.1`,
      ),
    );
  });
}

const AUTH = {
  setting: "auth",
  example: 'auth: { agents: [{ agents: [NAME], key: "${env:TOLLGATE_AGENT_KEY}" }] }',
} as const;

const PASSWORD = {
  setting: "storage.embedded.readonly_password",
  example: 'readonly_password: "${env:TOLLGATE_READER_PASSWORD}"',
} as const;
