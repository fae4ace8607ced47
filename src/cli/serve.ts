import { Command, Option } from "commander";
import { readEnvironment } from "../config/environment.ts";
import { CliError, EXIT } from "./exit.ts";
import { dataDirOption } from "./options.ts";

interface ServeOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly readyFile?: string;
}

/** `tollgate serve`: the processor in the foreground, until SIGTERM or SIGINT; a second signal ends it at once. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("run the processor: OTLP in, ClickHouse out, the ledger and the control API")
    .addOption(
      new Option("--config <file>", "tollgate.yaml (default: ./tollgate.yaml when it is there, else all defaults)"),
    )
    .addOption(dataDirOption())
    .option("--ready-file <file>", "write the endpoints as JSON when ready")
    .action(async (options: ServeOptions) => {
      // Loaded here: the other commands start in a fraction of the time without the engine and the server.
      const { loadSetup } = await import("../service/setup.ts");
      const { startService } = await import("../service/service.ts");
      const environment = readEnvironment();
      const setup = loadSetup({
        file: options.config,
        dataDir: options.dataDir ?? environment.dataDir,
        environment: environment.all,
      });
      const service = await startService({
        ...setup,
        ...(options.readyFile === undefined ? {} : { readyFile: options.readyFile }),
      });
      for (const line of service.announcement) process.stderr.write(`${line}\n`);
      const signal = await nextSignal();
      process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));
      const outcome = await service.stop(signal);
      if (outcome === "timed_out")
        throw new CliError(EXIT.finding, "did not stop in time; what is left stays in the spool");
    });
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const done = (signal: NodeJS.Signals): void => {
      process.off("SIGINT", done).off("SIGTERM", done);
      resolve(signal);
    };
    process.on("SIGINT", done).on("SIGTERM", done);
  });
}
