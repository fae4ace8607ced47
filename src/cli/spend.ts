import { Command, Option } from "commander";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { costText } from "./cost-text.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { findProcessor } from "./processor.ts";

interface SpendOptions extends CommonOptions {
  readonly by: string;
  readonly since?: string;
  readonly until?: string;
  readonly window?: string;
}

type SpendRow = Readonly<Record<string, string | number>>;

interface SpendReply {
  readonly by: readonly string[];
  readonly rows: readonly SpendRow[];
  readonly truncated: boolean;
}

/** `tollgate spend --by LABEL[,LABEL]`: what calls cost, from the spans in ClickHouse. */
export function spendCommand(output: Output): Command {
  return new Command("spend")
    .description("what was spent, by labels")
    .requiredOption("--by <labels>", "labels, separated by commas: agent, team, model, user, session, …")
    .option("--since <time>", "ISO 8601 time, or how long ago: 15m, 24h, 7d (default: everything kept)")
    .option("--until <time>", "the same; exclusive")
    .addOption(
      new Option("--window <window>", "in place of both: the one that runs now, in UTC")
        .choices(["minute", "hour", "day", "week", "month"])
        .conflicts(["since", "until"]),
    )
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (options: SpendOptions) => {
      const { by, since, until, window } = options;
      const reply = await findProcessor(options).get<SpendReply>("/v1/spend", { by, since, until, window });
      if (options.json === true) printJson(output, reply.rows);
      else if (reply.rows.length === 0) output.line("nothing was spent in this time");
      else printTable(output, reply.rows, columns(reply.by));
      if (options.json !== true && reply.rows.some((row) => row["unpriced_calls"] !== 0)) {
        output.line(
          "unpriced calls cost, and nobody said what: `kind: prices` names a model's price, usage must be sent",
        );
      }
      if (reply.truncated) process.stderr.write(`only the first ${reply.rows.length} rows are shown\n`);
    });
}

function columns(by: readonly string[]): readonly Column<SpendRow>[] {
  const right = (title: string, key: string): Column<SpendRow> => ({
    title,
    align: "right",
    value: (row) => String(row[key] ?? ""),
  });
  return [
    ...by.map((key): Column<SpendRow> => ({ title: key.toUpperCase(), value: (row) => String(row[key] ?? "") || "-" })),
    {
      title: "COST",
      align: "right",
      value: (row) => costText(String(row["cost_usd"] ?? ""), Number(row["unpriced_calls"])),
    },
    right("CALLS", "calls"),
    right("INPUT TOKENS", "input_tokens"),
    right("OUTPUT TOKENS", "output_tokens"),
    right("UNPRICED", "unpriced_calls"),
  ];
}
