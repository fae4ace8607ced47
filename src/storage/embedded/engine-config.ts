/**
 * The engine's own configuration, written beside its data. Its one internal user loses the right to read and write through
 * files, URLs and other servers, so that nobody who may send SQL can use the processor's host as a way out or in.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where the engine keeps what, all under the data directory. */
export interface EnginePaths {
  readonly data: string;
  readonly temporary: string;
  readonly config: string;
  readonly lock: string;
}

/** The paths under `dataDir`, with the directory itself made. */
export function enginePaths(dataDir: string): EnginePaths {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return {
    data: join(dataDir, "engine"),
    temporary: join(dataDir, "incoming"),
    config: join(dataDir, "config.xml"),
    lock: join(dataDir, "lock"),
  };
}

/** Writes the configuration and empties the directory for incoming data. To be called under the lock only. */
export function writeEngineConfig(paths: EnginePaths): void {
  rmSync(paths.temporary, { recursive: true, force: true });
  mkdirSync(paths.temporary, { recursive: true, mode: 0o700 });
  const usersPath = `${paths.config.slice(0, -".xml".length)}.users.xml`;
  writeFileSync(usersPath, USERS_XML);
  const xml = `<clickhouse>
  <users_config>${escapeXml(usersPath)}</users_config>
  <max_server_memory_usage_to_ram_ratio>0.6</max_server_memory_usage_to_ram_ratio>
</clickhouse>
`;
  writeFileSync(paths.config, xml);
}

/** Arguments of each connection: the configuration, and the limits that a query starts with and may set otherwise. */
export function connectionArgs(paths: EnginePaths): readonly string[] {
  return [
    `--config-file=${paths.config}`,
    "--implicit_select=0",
    // An acknowledged insert is in the table, not in a buffer.
    "--async_insert=0",
    "--max_execution_time=60",
    "--max_memory_usage=2000000000",
    "--max_result_bytes=268435456",
    "--result_overflow_mode=throw",
  ];
}

const SOURCE_ENGINES = [
  "File",
  "URL",
  "S3",
  "MySQL",
  "PostgreSQL",
  "MongoDB",
  "Redis",
  "SQLite",
  "Kafka",
  "RabbitMQ",
  "NATS",
  "HDFS",
  "Executable",
  "ExecutablePool",
];

const USERS_XML = `<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <no_password/>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT ALL ON *.*</query>
        <query>REVOKE SOURCES ON *.*</query>
${SOURCE_ENGINES.map((name) => `        <query>REVOKE TABLE ENGINE ON ${name}</query>`).join("\n")}
      </grants>
    </default>
  </users>
</clickhouse>
`;

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
