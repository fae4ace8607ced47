/**
 * The engine's own configuration, written beside its data. Its one internal user loses the right to read and write through
 * files, URLs and other servers, so that nobody who may send SQL can use the processor's host as a way out or in.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { QUERY_LIMITS, READER_PROFILE } from "./limits.ts";

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

/**
 * Caches count as memory in use, and have gigabytes each by default: on a small machine they would leave nothing for
 * queries. Each gets one part in so many.
 */
const CACHE_SHARES = [
  ["mark_cache_size", 10],
  ["primary_index_cache_size", 10],
  ["index_mark_cache_size", 20],
  ["parquet_metadata_cache_size", 100],
  ["vector_similarity_index_cache_size", 100],
  ["text_index_tokens_cache_size", 50],
  ["text_index_header_cache_size", 50],
  ["text_index_postings_cache_size", 25],
] as const;

/** Writes the configuration and empties the directory for incoming data. To be called under the lock only. */
export function writeEngineConfig(paths: EnginePaths, memoryMaxBytes: number): void {
  rmSync(paths.temporary, { recursive: true, force: true });
  mkdirSync(paths.temporary, { recursive: true, mode: 0o700 });
  const functionsPath = join(paths.data, "user_defined");
  mkdirSync(functionsPath, { recursive: true, mode: 0o700 });
  writeFileSync(join(functionsPath, "function_file.sql"), SHADOW_OF_FILE);
  const usersPath = `${paths.config.slice(0, -".xml".length)}.users.xml`;
  writeFileSync(usersPath, USERS_XML);
  const xml = `<clickhouse>
  <users_config>${escapeXml(usersPath)}</users_config>
  <max_server_memory_usage>${memoryMaxBytes}</max_server_memory_usage>
${CACHE_SHARES.map(([name, share]) => `  <${name}>${Math.floor(memoryMaxBytes / share)}</${name}>`).join("\n")}
</clickhouse>
`;
  writeFileSync(paths.config, xml);
}

/** The answer of one query where it can't be streamed, and is held in memory. */
const HELD_RESULT_BYTES_MAX = 256 * 1024 * 1024;

/** Arguments of each connection: the configuration, and the limits that a query starts with and may set otherwise. */
export function connectionArgs(
  paths: EnginePaths,
  { isStreaming }: { readonly isStreaming: boolean },
): readonly string[] {
  return [
    `--config-file=${paths.config}`,
    "--implicit_select=0",
    // An acknowledged insert is in the table, not in a buffer.
    "--async_insert=0",
    // Values of parameters come as statements; the request's own bounds hold before.
    "--max_query_size=17000000",
    ...QUERY_LIMITS.map(([name, value]) => `--${name}=${value}`),
    ...(isStreaming ? [] : [`--max_result_bytes=${HELD_RESULT_BYTES_MAX}`]),
    "--result_overflow_mode=throw",
    // Formatting on several threads holds whole answers in memory and gives the first row later (measured).
    "--output_format_parallel_formatting=0",
  ];
}

/** Table and database engines that reach out of the data directory; one that this engine does not have is no error. */
const OUTSIDE_ENGINES = `
  ArrowFlight AzureBlobStorage AzureQueue Backup COSN DataLakeCatalog DeltaLake DeltaLakeAzure DeltaLakeLocal
  DeltaLakeS3 Distributed Executable ExecutablePool ExternalDistributed File FileLog Filesystem GCS HDFS Hive
  Hudi Iceberg IcebergAzure IcebergHDFS IcebergLocal IcebergS3 JDBC Kafka KeeperMap MaterializedPostgreSQL
  MongoDB MySQL NATS ODBC OSS Paimon PaimonAzure PaimonHDFS PaimonLocal PaimonS3 PostgreSQL RabbitMQ Redis Remote RemoteSecure S3
  S3Queue SQLite URL YTsaurus
`
  .trim()
  .split(/\s+/);

/**
 * Rights that nobody needs here and that lead to this machine: a dictionary may have a command as its source, and the
 * engine runs it (measured, 26.7). Functions, so that none can be made of a command either.
 */
const OUTSIDE_RIGHTS = [
  "SOURCES",
  "CREATE DICTIONARY",
  "CREATE FUNCTION",
  "DROP FUNCTION",
  "BACKUP",
  "NAMED COLLECTION ADMIN",
  "SYSTEM SHUTDOWN",
];

/**
 * The function `file` reads any file, and chDB asks no right for it (measured, 26.7: `SELECT file('/etc/passwd')`). A
 * function of one's own of the same name comes first, wherever an expression is read: in statements, in strings that hold
 * a table's structure or a filter, in VALUES. It can't be made by SQL, since the name is taken, but it can lie there when
 * the engine starts; nor can it be dropped.
 */
const SHADOW_OF_FILE = "CREATE FUNCTION file AS path -> throwIf(1, 'file() is not available over HTTP')\n";

const USERS_XML = `<clickhouse>
  <profiles>
    <default/>
    <${READER_PROFILE}>
${QUERY_LIMITS.map(([name, value]) => `      <${name}>${value}</${name}>`).join("\n")}
      <constraints>
${QUERY_LIMITS.map(([name, value]) => `        <${name}><min>1</min><max>${value}</max></${name}>`).join("\n")}
      </constraints>
    </${READER_PROFILE}>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <no_password/>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT ALL ON *.*</query>
${OUTSIDE_RIGHTS.map((right) => `        <query>REVOKE ${right} ON *.*</query>`).join("\n")}
${OUTSIDE_ENGINES.map((name) => `        <query>REVOKE TABLE ENGINE ON ${name}</query>`).join("\n")}
      </grants>
    </default>
  </users>
</clickhouse>
`;

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
