import { Command } from "commander";
import type { CredentialRow, IssuedRow } from "../api/credentials.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { findProcessor, pathPart } from "./processor.ts";

const PATH = "/v1/credentials";

/** `tollgate tokens`: what people come with. */
export function tokensCommand(output: Output): Command {
  const command = new Command("tokens").description("tokens of people: created once, revoked at once, kept as hashes");
  command.addCommand(list(output, "person"), { isDefault: true });
  command.addCommand(
    common(new Command("create").description("issue a token; it is shown this once"))
      .requiredOption("--name <name>", "whose; acts are written down under it")
      .requiredOption("--role <role>", "viewer, approver, operator or admin")
      .option("--tenant <name>", "sees and touches only what is of this tenant's agents")
      .option("--for <duration>", "ends by itself after, e.g. 90d")
      .action(async (_options: unknown, command: Command) => {
        type Options = CommonOptions & { name: string; role: string; tenant?: string; for?: string };
        const options = command.optsWithGlobals<Options>();
        const { name, role, tenant, for: time } = options;
        const of = tenant === undefined ? {} : { tenant };
        await issue(output, options, {
          kind: "person",
          name,
          role,
          ...of,
          ...(time === undefined ? {} : { for: time }),
        });
      }),
  );
  return command.addCommand(rotate(output)).addCommand(revoke(output));
}

/** Keys of agents, as commands below `tollgate agents`. */
export function agentKeyCommands(output: Output): readonly Command[] {
  const keys = list(output, "agent").name("keys").description("keys that were issued to agents");
  const issueKey = common(new Command("issue").description("issue a key to an agent; it is shown this once"))
    .argument("<name>", "of the agent")
    .option("--tenant <name>", "acts for this tenant only, and only such keys do")
    .option("--for <duration>", "ends by itself after, e.g. 90d")
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { tenant?: string; for?: string }>();
      const { tenant, for: time } = options;
      const of = tenant === undefined ? {} : { tenant };
      await issue(output, options, { kind: "agent", name, ...of, ...(time === undefined ? {} : { for: time }) });
    });
  return [keys, issueKey, rotate(output), revoke(output)];
}

// Options that stand before a command's name (those of `agents`) count as if they stood behind it.

function list(output: Output, kind: CredentialRow["kind"]): Command {
  return common(new Command("list").description("those that are good now")).action(
    async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions>();
      const { credentials } = await findProcessor(options).get<{ credentials: readonly CredentialRow[] }>(PATH);
      const rows = credentials.filter((row) => row.kind === kind);
      if (options.json === true) printJson(output, rows);
      else if (rows.length === 0) output.line("none was issued");
      else printTable(output, rows, COLUMNS);
    },
  );
}

function rotate(output: Output): Command {
  return common(new Command("rotate").description("issue a new secret for the same name"))
    .argument("<id>", "of the credential: cred_…")
    .option("--overlap <duration>", "how long the old one stays good", "0s")
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { overlap: string }>();
      const { overlap } = options;
      print(
        output,
        options,
        await findProcessor(options).post<IssuedRow>(`${PATH}/${pathPart(id)}/rotate`, { overlap }),
      );
    });
}

function revoke(output: Output): Command {
  return common(new Command("revoke").description("end a credential at once, and all that was delegated from it"))
    .argument("<id>", "of the credential: cred_…")
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions>();
      const row = await findProcessor(options).post<CredentialRow>(`${PATH}/${pathPart(id)}/revoke`, {});
      if (options.json === true) printJson(output, row);
      else output.line(printable(`revoked ${row.kind} ${row.name} (${row.id})`));
    });
}

async function issue(output: Output, options: CommonOptions, body: Readonly<Record<string, string>>): Promise<void> {
  print(output, options, await findProcessor(options).post<IssuedRow>(PATH, body));
}

function print(output: Output, options: CommonOptions, row: IssuedRow): void {
  if (options.json === true) return printJson(output, row);
  const until = row.expires_at === undefined ? "until it is revoked" : `until ${row.expires_at}`;
  output.line(
    printable(`${row.kind} ${row.name}${row.role === undefined ? "" : ` (${row.role})`}, ${until}: ${row.id}`),
  );
  output.line(row.secret);
}

function common(command: Command): Command {
  return command.addOption(jsonOption()).addOption(apiOption()).addOption(dataDirOption());
}

const COLUMNS: readonly Column<CredentialRow>[] = [
  { title: "ID", value: (row) => row.id },
  { title: "NAME", value: (row) => row.name },
  { title: "ROLE", value: (row) => row.role ?? "" },
  { title: "TENANT", value: (row) => row.tenant ?? "" },
  { title: "SINCE", value: (row) => row.issued_at },
  { title: "BY", value: (row) => row.issued_by },
  { title: "UNTIL", value: (row) => row.expires_at ?? "" },
];
