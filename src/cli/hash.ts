import { Command } from "commander";
import { readEnvironment } from "../config/environment.ts";
import { CliError, EXIT } from "./exit.ts";
import { dataDirOption, jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";

interface HashOptions {
  readonly json?: boolean;
  readonly config?: string;
  readonly dataDir?: string;
}

/** `tollgate hash VALUE`: what the redact processor stores in the place of a value, to search for it. Nothing leaves the machine. */
export function hashCommand(output: Output): Command {
  return new Command("hash")
    .description("print the keyed hash that `processors.redact` stores in the place of a value, to search for it")
    .argument("<value>", "the value, exactly as it was sent")
    .option("--config <file>", "tollgate.yaml (default: ./tollgate.yaml when it is there)")
    .addOption(dataDirOption())
    .addOption(jsonOption())
    .action((value: string, options: HashOptions) => run(value, options, output));
}

async function run(value: string, options: HashOptions, output: Output): Promise<void> {
  const [{ loadSetup }, { hashForSearch }] = await Promise.all([
    import("../service/setup.ts"),
    import("../service/hash-for-search.ts"),
  ]);
  const environment = readEnvironment();
  const dataDir = options.dataDir ?? environment.dataDir;
  const hash = hashForSearch(loadSetup({ file: options.config, dataDir, environment: environment.all }), value);
  if (hash === undefined) {
    throw new CliError(
      EXIT.usage,
      "no key yet: the first start of a processor makes it, or set `processors.redact.hash_key`",
    );
  }
  if (options.json === true) printJson(output, { hash });
  else output.line(hash);
}
