/**
 * The same migrations for a cluster: every table becomes a replicated one on each shard (`NAME_local`) and a Distributed one
 * over them under its own name, so that every query and insert stays as it is. Materialised views work on the shard where
 * the spans arrive; spans are spread by trace, so that a trace is whole on one shard.
 */
import type { MigrationStatement } from "./migration-files.ts";

const KEEPER_PATH = "/clickhouse/tables/{uuid}/{shard}";

/** Where a row of a table goes. Roll-ups are filled on the shard of their spans; only these are inserted into. */
const SHARDING_KEYS: Readonly<Record<string, string>> = {
  span_log: "cityHash64(trace_id)",
  event_log: "cityHash64(trace_id)",
  trace_log: "cityHash64(trace_id)",
  budget_states: "cityHash64(name, scope)",
  approval_log: "cityHash64(id)",
  change_log: "cityHash64(id)",
};
const SHARDING_DEFAULT = "rand()";

export interface ClusterTarget {
  readonly database: string;
  /** As in `remote_servers` of the servers' configuration. */
  readonly cluster: string;
}

/** The statements that one statement of a migration becomes. @throws Error for a kind of statement that has no rule yet */
export function clusterStatements(statement: MigrationStatement, target: ClusterTarget): readonly string[] {
  if (statement.only === "single-server") return [];
  const { sql } = statement;
  for (const [pattern, rule] of RULES) {
    if (pattern.test(sql)) return rule(statement, target).map((text) => text.replaceAll("{database}", target.database));
  }
  throw new Error(`no rule for a cluster for: ${sql.slice(0, 80)}`);
}

type Rule = (statement: MigrationStatement, target: ClusterTarget) => readonly string[];

const RULES: readonly (readonly [RegExp, Rule])[] = [
  [/^CREATE DATABASE/, ({ sql }, { cluster }) => [`${sql} ON CLUSTER '${cluster}'`]],
  [/^CREATE TABLE/, createTable],
  [/^CREATE MATERIALIZED VIEW/, ({ sql }, { cluster }) => [onLocalTables(onCluster(sql, cluster))]],
  [/^CREATE OR REPLACE VIEW/, ({ sql }, { cluster }) => [onCluster(sql, cluster)]],
  [/^ALTER TABLE \S+\s+MODIFY QUERY/, ({ sql }, { cluster }) => [onLocalTables(alterOnCluster(sql, cluster))]],
  [/^ALTER TABLE/, ({ sql }, { cluster }) => alterTable(sql, cluster)],
  [/^DROP (?:TABLE|VIEW)/, ({ sql }, { cluster }) => [`${sql} ON CLUSTER '${cluster}' SYNC`]],
];

function createTable(
  { sql, nameInCluster }: MigrationStatement,
  { database, cluster }: ClusterTarget,
): readonly string[] {
  const made = /^CREATE TABLE IF NOT EXISTS \{database\}\.(\w+)/.exec(sql)?.[1] ?? "";
  const name = nameInCluster ?? made;
  const body = sql
    .slice(sql.indexOf(`{database}.${made}`) + `{database}.${made}`.length)
    .replace(/\bENGINE = (\w*MergeTree)(?:\((.*)\))?$/m, (_, engine: string, engineArguments?: string) => {
      const rest = engineArguments === undefined ? "" : `, ${engineArguments}`;
      return `ENGINE = Replicated${engine}('${KEEPER_PATH}', '{replica}'${rest})`;
    })
    .replaceAll("non_replicated_deduplication_window", "replicated_deduplication_window");
  const shardingKey = SHARDING_KEYS[name] ?? SHARDING_DEFAULT;
  return [
    `CREATE TABLE IF NOT EXISTS {database}.${name}_local ON CLUSTER '${cluster}'${body}`,
    `CREATE TABLE IF NOT EXISTS {database}.${name} ON CLUSTER '${cluster}' AS {database}.${name}_local\n` +
      `ENGINE = Distributed('${cluster}', '${database}', '${name}_local', ${shardingKey})`,
  ];
}

/** A setting or a TTL is the replicated table's; a column both have. */
function alterTable(sql: string, cluster: string): readonly string[] {
  const on = (table: string): string => alterOnCluster(sql, cluster, table);
  const table = /^ALTER TABLE (\S+)/.exec(sql)?.[1] ?? "";
  const local = on(`${table}_local`).replaceAll(
    "non_replicated_deduplication_window",
    "replicated_deduplication_window",
  );
  return /^ALTER TABLE \S+\s+(?:ADD|DROP|MODIFY) COLUMN/.test(sql) ? [local, on(table)] : [local];
}

/** `ALTER TABLE NAME` → `ALTER TABLE NAME ON CLUSTER c`, of that table or of `table`. */
function alterOnCluster(sql: string, cluster: string, table = "$1"): string {
  return sql.replace(/^ALTER TABLE (\S+)/, `ALTER TABLE ${table} ON CLUSTER '${cluster}'`);
}

/** `CREATE … VIEW NAME` → `CREATE … VIEW NAME ON CLUSTER c`. */
function onCluster(sql: string, cluster: string): string {
  return sql.replace(/^(CREATE [A-Z ]*VIEW(?: IF NOT EXISTS)? \S+)/, `$1 ON CLUSTER '${cluster}'`);
}

/** What a materialised view reads and fills is on its own shard. */
function onLocalTables(sql: string): string {
  return sql.replaceAll(/\b(TO|FROM) (\{database\}\.\w+)/g, "$1 $2_local");
}
