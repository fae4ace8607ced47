/**
 * How long rows stay, as TTLs that the engine carries out. Spans may go by label, and those that hold a decision may stay
 * longer than the rest; roll-ups have their own time, so that spend outlives the spans that it was summed from. A table's
 * comment says which retention is in force: a start with the same one changes nothing, another one is put in place.
 */
import { createStorage, type Storage, type StorageOptions } from "./client.ts";
import { clusterStatements } from "./cluster-sql.ts";

/** `off` keeps for good. */
export type RetentionHours = number | "off";

export interface Retention {
  readonly spans: RetentionHours;
  /** Spans with a decision. @default as `spans` and `byLabel` say */
  readonly decisions?: RetentionHours;
  readonly events: RetentionHours;
  readonly spend: RetentionHours;
  /** For spans; the first rule that matches holds. Labels must be equal. */
  readonly byLabel: readonly { readonly match: Readonly<Record<string, string>>; readonly spans: RetentionHours }[];
}

/** What a table's TTL should be. */
export interface TableRetention {
  readonly table: string;
  /** Without the word TTL; `undefined`: none. */
  readonly ttl: string | undefined;
  /** Whether rows go one by one, not only a part when all of it is due. */
  readonly isByRow: boolean;
}

const RECOMPRESS = "toDateTime(received_at) + INTERVAL 1 DAY RECOMPRESS CODEC(ZSTD(6))";
/** Labels that are columns; others are keys of `labels`. */
const COLUMNS = new Set(["agent", "owner", "team", "role", "user", "session", "workflow", "data_label"]);
const COMMENT_PREFIX = "retention: ";

/** The TTL of each table under `retention`. */
export function tableRetentions(retention: Retention): readonly TableRetention[] {
  const rules = spanRules(retention);
  const isByRow = rules.length > 1;
  const deletions = rules.flatMap(({ condition, hours }) =>
    hours === "off" ? [] : [`${due("received_at", hours)} DELETE${condition === "" ? "" : ` WHERE ${condition}`}`],
  );
  const longest = rules
    .map(({ hours }) => hours)
    .reduce((a, b) => (a === "off" || b === "off" ? "off" : Math.max(a, b)));
  return [
    { table: "span_log", ttl: [RECOMPRESS, ...deletions].join(", "), isByRow },
    { table: "trace_log", ttl: plain("received_on", longest), isByRow: false },
    { table: "refusal_log", ttl: plain("received_on", longest), isByRow: false },
    { table: "event_log", ttl: plain("received_at", retention.events), isByRow: false },
    { table: "spend_log", ttl: plain("received_on", retention.spend), isByRow: false },
    { table: "spend_hour_log", ttl: plain("received_on", retention.spend), isByRow: false },
    { table: "settled_minute_log", ttl: plain("received_on", retention.spend), isByRow: false },
    { table: "lease_log", ttl: plain("received_on", retention.spend), isByRow: false },
    { table: "decision_hour_log", ttl: plain("received_on", retention.spend), isByRow: false },
    { table: "call_duration_log", ttl: plain("received_on", retention.spend), isByRow: false },
  ];
}

interface SpanRule {
  readonly condition: string;
  readonly hours: RetentionHours;
}

/** One rule for each kind of span, no span under two of them. */
function spanRules({ spans, decisions, byLabel }: Retention): readonly SpanRule[] {
  const rules: SpanRule[] = [];
  const earlier: string[] = [];
  const add = (condition: string, hours: RetentionHours): void => {
    const all = [...(condition === "" ? [] : [condition]), ...earlier.map((before) => `NOT ${before}`)];
    rules.push({ condition: all.join(" AND "), hours });
    if (condition !== "") earlier.push(condition);
  };
  if (decisions !== undefined) add("(decision != '')", decisions);
  for (const rule of byLabel) {
    const equal = Object.entries(rule.match).map(([label, value]) => `${labelSql(label)} = ${quote(value)}`);
    add(`(${equal.join(" AND ")})`, rule.spans);
  }
  add("", spans);
  return rules;
}

function labelSql(label: string): string {
  return COLUMNS.has(label) ? label : `labels[${quote(label)}]`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** By when it arrived: a sender's clock neither keeps rows nor loses them. */
function due(column: string, hours: number): string {
  return `toDateTime(${column}) + toIntervalHour(${hours})`;
}

function plain(column: string, hours: RetentionHours): string | undefined {
  return hours === "off" ? undefined : `${due(column, hours)} DELETE`;
}

export interface ApplyRetentionOptions extends StorageOptions {
  readonly database: string;
  readonly cluster?: string;
  readonly retention: Retention;
}

/** Puts the TTLs in force where they are others. @returns the tables that were changed */
export async function applyRetention(options: ApplyRetentionOptions): Promise<readonly string[]> {
  const { database, cluster, retention } = options;
  const storage = createStorage({ ...options, database: "default" });
  try {
    const comments = await tableComments(storage, database);
    const changed: string[] = [];
    for (const wanted of tableRetentions(retention)) {
      const table = cluster === undefined ? wanted.table : `${wanted.table}_local`;
      const statements = retentionStatements(wanted, comments.get(table) ?? "");
      for (const sql of statements) {
        const rendered =
          cluster === undefined
            ? [sql.replaceAll("{database}", database)]
            : clusterStatements({ sql }, { database, cluster });
        for (const text of rendered) await storage.command(text);
      }
      if (statements.length > 0) changed.push(wanted.table);
    }
    return changed;
  } finally {
    await storage.close();
  }
}

/** The statements that bring a table with this comment there; the comment last, so that a kill in between repeats them. */
export function retentionStatements(wanted: TableRetention, comment: string): readonly string[] {
  const { table, ttl, isByRow } = wanted;
  const isDefault = ttl === undefined || ttl === RECOMPRESS;
  const wantedComment = isDefault ? "" : `${COMMENT_PREFIX}${ttl}`;
  if (comment === wantedComment) return [];
  const name = `{database}.${table}`;
  return [
    ttl === undefined ? `ALTER TABLE ${name} REMOVE TTL` : `ALTER TABLE ${name} MODIFY TTL ${ttl}`,
    `ALTER TABLE ${name} MODIFY SETTING ttl_only_drop_parts = ${isByRow ? 0 : 1}`,
    `ALTER TABLE ${name} MODIFY COMMENT ${quote(wantedComment)}`,
  ];
}

async function tableComments(storage: Storage, database: string): Promise<ReadonlyMap<string, string>> {
  const rows = await storage.query<{ name: string; comment: string }>(
    "SELECT name, comment FROM system.tables WHERE database = {database:String}",
    { database },
  );
  return new Map(rows.map(({ name, comment }) => [name, comment]));
}
