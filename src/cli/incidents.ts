import { Command, Option } from "commander";
import type { IncidentReply, IncidentRow } from "../api/incident-schemas.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { markdownOf, shortcomings } from "./incident-markdown.ts";
import { printable } from "../support/printable.ts";
import { findProcessor, pathPart } from "./processor.ts";

const PATH = "/v1/incidents";

/** `tollgate incident`: what went wrong, who followed it up, and what is on record around it. */
export function incidentCommand(output: Output): Command {
  const command = new Command("incident").description("incidents: while one is open, its agents have less autonomy");
  command.addCommand(list(output), { isDefault: true });
  command.addCommand(open(output)).addCommand(show(output)).addCommand(exportCommand(output));
  command.addCommand(
    change(output, {
      does: "notes",
      name: "note",
      argument: "<text...>",
      about: "add a note",
      body: (words) => ({ text: words.join(" ") }),
    }),
  );
  command.addCommand(
    change(output, { does: "tags", name: "tag", argument: "<tags...>", about: "add tags", body: (tags) => ({ tags }) }),
  );
  return command.addCommand(
    change(output, {
      does: "close",
      name: "close",
      argument: "<reason...>",
      about: "close it: its agents have their own autonomy again",
      body: (words) => ({ reason: words.join(" ") }),
    }),
  );
}

function list(output: Output): Command {
  return common(new Command("list").description("incidents, newest first"))
    .addOption(new Option("--state <state>", "which").choices(["open", "closed", "all"]).default("open"))
    .option("--agent <name>", "only about this agent")
    .action(async (options: CommonOptions & { state: string; agent?: string }) => {
      const { state, agent } = options;
      const { incidents } = await findProcessor(options).get<{ incidents: readonly IncidentRow[] }>(PATH, {
        state,
        agent,
      });
      if (options.json === true) return printJson(output, incidents);
      if (incidents.length === 0) output.line(state === "all" ? "there were no incidents" : `no incident is ${state}`);
      else printTable(output, incidents, COLUMNS);
    });
}

function open(output: Output): Command {
  return common(new Command("open").description("open an incident"))
    .argument("<title>", "what happened, in a line")
    .option("--agent <name...>", "whom it is about: they have less autonomy until it is closed", [])
    .addOption(
      new Option("--severity <level>", "how bad").choices(["low", "medium", "high", "critical"]).default("high"),
    )
    .option("--tag <tag...>", "to find it by", [])
    .option("--note <text>", "the first note")
    .action(
      async (
        title: string,
        options: CommonOptions & { agent: readonly string[]; severity: string; tag: readonly string[]; note?: string },
      ) => {
        const { agent: agents, severity, tag: tags, note } = options;
        const body = { title, severity, agents, tags, ...(note === undefined ? {} : { note }) };
        print(output, options, await findProcessor(options).post<IncidentRow>(PATH, body));
      },
    );
}

function show(output: Output): Command {
  return common(new Command("show").description("one incident, with what is on record around it"))
    .argument("<id>", "inc_…")
    .action(async (id: string, options: CommonOptions) => {
      const reply = await read(id, options);
      if (options.json === true) return printJson(output, reply);
      for (const line of textOf(reply)) output.line(printable(line));
    });
}

function exportCommand(output: Output): Command {
  return common(new Command("export").description("one incident as a document, to hand on"))
    .argument("<id>", "inc_…")
    .addOption(new Option("--format <format>", "of the document").choices(["json", "markdown"]).default("markdown"))
    .action(async (id: string, options: CommonOptions & { format: string }) => {
      const reply = await read(id, options);
      if (options.json === true || options.format === "json") return printJson(output, reply);
      for (const line of markdownOf(reply)) output.line(line);
    });
}

function change(
  output: Output,
  what: {
    readonly does: string;
    readonly name: string;
    readonly argument: string;
    readonly about: string;
    readonly body: (words: readonly string[]) => object;
  },
): Command {
  return common(new Command(what.name).description(what.about))
    .argument("<id>", "inc_…")
    .argument(what.argument)
    .action(async (id: string, words: readonly string[], options: CommonOptions) => {
      const path = `${PATH}/${pathPart(id)}/${what.does}`;
      print(output, options, await findProcessor(options).post<IncidentRow>(path, what.body(words)));
    });
}

function read(id: string, options: CommonOptions): Promise<IncidentReply> {
  return findProcessor(options).get<IncidentReply>(`${PATH}/${pathPart(id)}`);
}

function print(output: Output, options: CommonOptions, row: IncidentRow): void {
  if (options.json === true) return printJson(output, row);
  const about = row.agents.length === 0 ? "" : `; about ${row.agents.join(", ")}`;
  output.line(printable(`${row.id} is ${row.state} (${row.severity}): ${row.title}${about}`));
}

function textOf(reply: IncidentReply): readonly string[] {
  const { id, title, severity, state, agents, tags, opened_at: openedAt, opened_by: by } = reply;
  return [
    `${id} ${state} ${severity}: ${title}`,
    `opened ${openedAt} by ${by}${agents.length === 0 ? "" : `, about ${agents.join(", ")}`}`,
    ...(tags.length === 0 ? [] : [`tags: ${tags.join(", ")}`]),
    ...reply.timeline.map(({ at, what, who, text }) => `${at}  ${what}  ${who}  ${text}`),
    ...shortcomings(reply),
  ];
}

function common(command: Command): Command {
  return command.addOption(jsonOption()).addOption(apiOption()).addOption(dataDirOption());
}

const COLUMNS: readonly Column<IncidentRow>[] = [
  { title: "ID", value: (row) => row.id },
  { title: "SEVERITY", value: (row) => row.severity },
  { title: "STATE", value: (row) => row.state },
  { title: "SINCE", value: (row) => row.opened_at },
  { title: "BY", value: (row) => row.opened_by },
  { title: "AGENTS", value: (row) => row.agents.join(", ") },
  { title: "TITLE", value: (row) => row.title },
];
