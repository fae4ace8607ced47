import { type Command, Option } from "commander";

/** The filters on spans that commands share. */
export interface SpanFilterOptions {
  readonly agent?: string;
  readonly session?: string;
  readonly decision?: string;
  readonly error?: boolean;
  readonly where?: string;
}

export function addSpanFilters(command: Command): Command {
  return command
    .option("--agent <name>", "of this agent (`*` and `?` match any characters)")
    .option("--session <id>", "of this session")
    .addOption(
      new Option("--decision <decision>", "with this decision").choices([
        "allow",
        "deny",
        "forbid",
        "require_approval",
      ]),
    )
    .option("--error", "whose status is error")
    .option("--where <expr>", "for which this SQL expression over the columns of `spans` holds");
}

export function spanFilterQuery(options: SpanFilterOptions): Readonly<Record<string, string | undefined>> {
  const { agent, session, decision, error, where } = options;
  return { agent, session, decision, error: error === true ? "true" : undefined, where };
}
