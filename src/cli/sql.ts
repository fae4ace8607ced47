import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { Command } from "commander";
import { dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printTable } from "./output.ts";
import { CliError, EXIT } from "./exit.ts";
import { printableJson } from "../support/printable.ts";
import { findProcessor } from "./processor.ts";

interface SqlOptions {
  readonly json?: boolean;
  readonly dataDir?: string;
}

/** `tollgate sql "SELECT …"`: straight to ClickHouse, as the read-only user. With `--json` one JSON object a line. */
export function sqlCommand(output: Output): Command {
  return new Command("sql")
    .description(
      "run a query on ClickHouse as the read-only user; views: spans, llm_calls, tool_decisions, spend_by_minute, …",
    )
    .argument("<query>", "SELECT, SHOW, DESCRIBE or EXPLAIN, without FORMAT")
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .action((query: string, options: SqlOptions) => run(query, options, output));
}

async function run(query: string, options: SqlOptions, output: Output): Promise<void> {
  const { endpoints } = findProcessor(options);
  if (endpoints === undefined) {
    throw new CliError(
      EXIT.unreachable,
      "no processor runs on this data directory; start it with `npx tollgate serve`, or say where its data is with `--data-dir`",
    );
  }
  if (endpoints.readonly_username === "") {
    throw new CliError(EXIT.usage, "set `storage.clickhouse.readonly_username`: `sql` runs as that user only");
  }
  const client = createClient({
    url: endpoints.clickhouse,
    username: endpoints.readonly_username,
    password: endpoints.readonly_password,
    database: endpoints.database,
    application: "tollgate-cli",
    log: { level: ClickHouseLogLevel.OFF },
  });
  try {
    const asked = query.trim().replace(/;\s*$/, "");
    if (options.json === true) {
      const text = await (await client.query({ query: asked, format: "JSONEachRow" })).text();
      if (text !== "") output.line(printableJson(text.trimEnd()));
      return;
    }
    const reply = await (await client.query({ query: asked, format: "JSONCompactStrings" })).json<readonly string[]>();
    const columns = (reply.meta ?? []).map(({ name }, index): Column<readonly string[]> => ({
      title: name,
      value: (row) => row[index] ?? "",
    }));
    printTable(output, reply.data, columns);
  } catch (error) {
    throw toCliError(error, endpoints.clickhouse);
  } finally {
    await client.close();
  }
}

/** An answer of ClickHouse is the query's fault; no answer is not. */
function toCliError(error: unknown, url: string): unknown {
  if (!(error instanceof Error)) return error;
  if ("type" in error && "code" in error && typeof error.type === "string") {
    return new CliError(EXIT.usage, `ClickHouse: ${error.message}`);
  }
  const reason = (error as NodeJS.ErrnoException).code ?? error.message;
  return new CliError(
    EXIT.unreachable,
    `cannot reach ClickHouse at ${url} (${reason}); is the processor running? \`npx tollgate serve\``,
  );
}
