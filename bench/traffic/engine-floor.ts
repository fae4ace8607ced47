/**
 * What the engine cannot go below: rows of a run, inserted as the exporter inserts them, into a table that keeps nothing and
 * into one without roll-ups, in an engine of their own. The first is what it costs to take them over HTTP and read them.
 */
import { SPAN_COLUMNS } from "../../src/exporters/clickhouse/span-columns.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { createStorage } from "../../src/storage/client.ts";
import { startBenchEngine } from "../data/bench-engine.ts";

export interface FloorOptions {
  /** The engine's HTTP interface that has the rows, in the database `tollgate`. */
  readonly from: string;
  readonly rowsPerInsert: number;
  readonly rowsPerBlock: number;
}

/** Microseconds of the engine's CPU a span. */
export interface EngineFloor {
  readonly rowsPerInsert: number;
  readonly intoNothing: number;
  readonly withoutViews: number;
}

const DATABASE = "floor";
const INSERTS = 12;
const WARM_INSERTS = 3;

export async function engineFloor(options: FloorOptions): Promise<EngineFloor> {
  const { bytes, rows } = await blocks(options);
  await using engine = await startBenchEngine("default");
  await migrate({ url: engine.url, database: DATABASE });
  const storage = createStorage({ url: engine.url, database: DATABASE });
  await storage.command("CREATE TABLE nothing AS span_log ENGINE = Null");
  await storage.command("CREATE TABLE spans_alone AS span_log");
  const measured = async (table: string): Promise<number> => {
    let before = 0;
    for (let insert = 0; insert < WARM_INSERTS + INSERTS; insert += 1) {
      if (insert === WARM_INSERTS) before = engine.cpuSeconds();
      await storage.insertNative({ table, token: `${table}-${insert}`, bytes });
    }
    return ((engine.cpuSeconds() - before) * 1e6) / (INSERTS * rows);
  };
  try {
    return {
      rowsPerInsert: rows,
      intoNothing: await measured("nothing"),
      withoutViews: await measured("spans_alone"),
    };
  } finally {
    await storage.close();
  }
}

async function blocks({ from, rowsPerInsert, rowsPerBlock }: FloorOptions): Promise<{ bytes: Buffer; rows: number }> {
  const columns = SPAN_COLUMNS.map(({ name }) => name).join(", ");
  const ask = async (sql: string): Promise<Response> => {
    const response = await fetch(`${from}/?database=tollgate`, { method: "POST", body: sql });
    if (!response.ok) throw new Error(await response.text());
    return response;
  };
  const select = `FROM span_log LIMIT ${rowsPerInsert}`;
  const rows = Number(await (await ask(`SELECT count() FROM (SELECT 1 ${select})`)).text());
  const answer = await ask(`SELECT ${columns} ${select} SETTINGS max_block_size = ${rowsPerBlock} FORMAT Native`);
  return { bytes: Buffer.from(await answer.arrayBuffer()), rows };
}
