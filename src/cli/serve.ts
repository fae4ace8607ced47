import { setFlagsFromString } from "node:v8";
import { Command, Option } from "commander";
import { readEnvironment } from "../config/environment.ts";
import { EXIT } from "./exit.ts";
import { dataDirOption } from "./options.ts";

interface ServeOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly readyFile?: string;
}

const HOLD_MS = 3_600_000;
const HEAP_GROWING_PERCENT = 150;

/** `tollgate serve`: the processor in the foreground, until SIGTERM or SIGINT; a second signal ends it at once. SIGHUP reads governance again. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("run the processor: OTLP in, ClickHouse out, the ledger and the control API")
    .addOption(
      new Option("--config <file>", "tollgate.yaml (default: ./tollgate.yaml when it is there, else all defaults)"),
    )
    .addOption(dataDirOption())
    .option("--ready-file <file>", "write the endpoints as JSON when ready")
    .action(async (options: ServeOptions) => {
      // The clock's timers hold no process open, and there may be nothing else to wait for while ClickHouse is away.
      const held = setInterval(() => {}, HOLD_MS);
      try {
        await serve(options);
      } finally {
        clearInterval(held);
      }
    });
}

async function serve(options: ServeOptions): Promise<void> {
  // Spans on their way live through a collection or two, by which V8 takes them for lasting: a kilobyte of each would be made among
  // the old from then on, where only a full collection frees it.
  setFlagsFromString("--no-allocation-site-pretenuring");
  // Memory outside of the heap starts no collections any more, so the old may grow by itself: by this much of what lives.
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  // Loaded here: --help and bad usage do not wait for the engine and the server.
  const { loadSetup } = await import("../service/setup.ts");
  const { startService } = await import("../service/service.ts");
  const environment = readEnvironment();
  const setup = loadSetup({
    file: options.config,
    dataDir: options.dataDir ?? environment.dataDir,
    environment: environment.all,
  });
  const readyFile = options.readyFile === undefined ? {} : { readyFile: options.readyFile };
  const stopSignal = nextSignal();
  let onReload = (): void => {};
  // In a terminal, a hang-up means that the terminal is gone.
  if (process.stdin.isTTY !== true) process.on("SIGHUP", () => onReload());
  const service = await startService({ ...setup, ...readyFile });
  for (const line of service.announcement) process.stderr.write(`${line}\n`);
  // From here on there is something to reload; what changed before is found by the start itself.
  onReload = () => void service.reload("SIGHUP");
  const signal = await stopSignal;
  onReload = () => {};
  process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));
  const outcome = await service.stop(signal);
  // Something still runs that would keep this process alive; what was acknowledged is on disk.
  if (outcome === "timed_out") process.exit(EXIT.finding);
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
