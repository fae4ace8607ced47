import { randomBytes } from "node:crypto";
import { DEFAULT_CLICKHOUSE_ENDPOINT, DEFAULT_DATABASE } from "../config/sections.ts";
import { toEndpoint } from "../config/endpoint.ts";
import type { RetentionConfig } from "../config/retention.ts";
import { EmbeddedEngine } from "../storage/embedded/engine.ts";
import type { EngineUser } from "../storage/embedded/users.ts";
import type { Retention } from "../storage/retention.ts";
import type { Clock } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { type ClickhouseServer, ClickhouseStore } from "./clickhouse-store.ts";
import type { Config } from "./config-schema.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { Store } from "./store.ts";

export interface StoreBuild {
  readonly config: Config;
  readonly data: DataDirectory;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Then no reader of the engine, who sees the rows of all, comes without a password. */
  readonly hasTenants: boolean;
}

const READ_ONLY_USERNAME = "readonly";
const WRITER_USERNAME = "tollgate";
const ADMIN_USERNAME = "admin";

/** ClickHouse as `storage` asks for it; not started. */
export function buildStore({ config, data, clock, telemetry, hasTenants }: StoreBuild): Store {
  const { clickhouse } = config.storage;
  const server =
    clickhouse === undefined ? embeddedServer({ config, data, telemetry, hasTenants }) : remoteServer(clickhouse);
  const database = clickhouse?.database ?? DEFAULT_DATABASE;
  const tables = { cluster: clickhouse?.cluster, retention: retentionOf(config.storage.retention) };
  return new ClickhouseStore({ server, database, tables, clock, telemetry });
}

function retentionOf({ by_label: byLabel, decisions, ...rest }: RetentionConfig): Retention {
  return { ...rest, byLabel, ...(decisions === undefined ? {} : { decisions }) };
}

/** A ClickHouse that somebody else runs. */
function remoteServer(options: NonNullable<Config["storage"]["clickhouse"]>): ClickhouseServer {
  const { url, username, password, readonly_username: readOnlyName, readonly_password: readOnlyPassword } = options;
  return {
    kind: "clickhouse",
    user: { username, password: password?.reveal() ?? "" },
    readOnlyUser:
      readOnlyName === undefined ? undefined : { username: readOnlyName, password: readOnlyPassword?.reveal() ?? "" },
    closeReads: () => {},
    url: () => url,
    start: async () => {},
    stop: async () => {},
  };
}

/**
 * The engine as a child process. Its writer has a password that lives as long as this process; its readers, which may
 * not write, need none on loopback unless config says so, so that Grafana and curl work at once; from the first tenant on, nobody
 * reads everybody's rows without, and the command line finds the password in the data directory.
 */
function embeddedServer({ config, data, telemetry, hasTenants }: Omit<StoreBuild, "clock">): ClickhouseServer {
  const endpoint = config.storage.embedded?.endpoint ?? DEFAULT_CLICKHOUSE_ENDPOINT;
  const { host, port } = toEndpoint(endpoint);
  const given = config.storage.embedded?.readonly_password?.reveal();
  const adminPassword = config.storage.embedded?.admin_password?.reveal();
  const readPassword = given ?? randomBytes(24).toString("base64url");
  const user = { username: WRITER_USERNAME, password: randomBytes(24).toString("base64url") };
  const users = (isClosed: boolean): readonly EngineUser[] => {
    const reader = { isReadOnly: true, ...(isClosed ? { password: readPassword } : {}) };
    return [
      { name: user.username, password: user.password },
      { name: READ_ONLY_USERNAME, ...reader },
      // What clients use who name nobody.
      { name: "default", ...reader },
      ...(adminPassword === undefined ? [] : [{ name: ADMIN_USERNAME, password: adminPassword }]),
    ];
  };
  let url = "";
  const engine = new EmbeddedEngine({
    dataDir: data.clickhouse,
    host,
    port,
    users: users(given !== undefined || hasTenants),
    onReady: (running) => {
      telemetry.emit("engine_ready", { url: running.url, pid: running.pid, version: running.version });
    },
    onCrash: ({ exitCode, signal, stderr, restartInMs }) => {
      telemetry.emit("engine_crashed", { exit: signal ?? exitCode ?? "unknown", restart_in_ms: restartInMs, stderr });
    },
  });
  return {
    kind: "embedded",
    user,
    engine,
    // Before readers need one, any password is taken, and so is this.
    readOnlyUser: { username: READ_ONLY_USERNAME, password: readPassword },
    closeReads: () => engine.setUsers(users(true)),
    url: () => url,
    start: async () => {
      try {
        url = (await engine.start()).url;
      } catch (error) {
        throw new Error(`\`storage.embedded.endpoint\`: cannot serve ${endpoint}`, { cause: error });
      }
    },
    stop: () => engine.stop(),
  };
}
