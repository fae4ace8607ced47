/** A real processor as a child process: started, asked and stopped as a user would, through its command line only. */
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Child, type ChildExit } from "./child-process.ts";
import { MAIN_PATH } from "./paths.ts";
import { waitFor } from "./wait.ts";

/** What `serve --ready-file` writes. */
export interface Endpoints {
  readonly otlp_http: string;
  readonly otlp_grpc: string;
  readonly api: string;
  readonly clickhouse: string;
  readonly pid: number;
}

/** A directory with config, governance documents and data of one processor. */
export interface Workspace {
  readonly path: string;
  readonly dataDir: string;
  remove(): Promise<void>;
}

export interface WorkspaceOptions {
  /** Governance documents, YAML. */
  readonly governance: string;
  /** More keys for tollgate.yaml, YAML. */
  readonly config?: string;
}

export interface ProcessorOptions {
  readonly workspace: Workspace;
  /** Listen where another processor did, for a restart that agents survive. Free ports when absent. */
  readonly at?: Omit<Endpoints, "pid">;
  readonly onStderrLine?: (line: string) => void;
  /** Added to the processor's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly receiver?: ReceiverKeys;
  readonly storage?: StorageKeys;
}

/** More keys of the receiver's protocols, as YAML in flow style: `connections_max: 64, request_timeout_ms: 1000`. */
export interface ReceiverKeys {
  readonly http: string;
  readonly grpc: string;
}

/** More keys of `storage`, and of `storage.embedded`, as YAML in flow style. */
export interface StorageKeys {
  readonly storage: string;
  readonly embedded: string;
}

/** As `npm start` has it. */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: "262144" };
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const CLI_TIMEOUT_MS = 30_000;

export async function createWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  const path = await mkdtemp(join(tmpdir(), "tollgate-"));
  await mkdir(join(path, "governance"));
  await writeFile(join(path, "governance", "documents.yaml"), options.governance);
  await writeFile(join(path, "extra.yaml"), options.config ?? "");
  return {
    path,
    dataDir: join(path, "data"),
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

export class ProcessorProcess {
  readonly endpoints: Endpoints;
  readonly workspace: Workspace;
  readonly #child: Child;

  private constructor(child: Child, workspace: Workspace, endpoints: Endpoints) {
    this.#child = child;
    this.workspace = workspace;
    this.endpoints = endpoints;
  }

  /** Resolves when the processor is ready; throws with its last words when it ends before. */
  static async start(options: ProcessorOptions): Promise<ProcessorProcess> {
    const { path, dataDir } = options.workspace;
    const configFile = join(path, "tollgate.yaml");
    const readyFile = join(path, "ready.json");
    await rm(readyFile, { force: true });
    await writeFile(configFile, configText(options) + (await readFile(join(path, "extra.yaml"), "utf8")));
    const child = new Child({
      args: [
        "--max-semi-space-size=32",
        MAIN_PATH,
        "serve",
        "--config",
        configFile,
        "--data-dir",
        dataDir,
        "--ready-file",
        readyFile,
      ],
      env: { ...ALLOCATOR, ...options.env },
      ...(options.onStderrLine === undefined ? {} : { onStderrLine: options.onStderrLine }),
    });
    try {
      const endpoints = await waitFor(
        async () => {
          if (!child.isRunning) throw new Error(`the processor ended: ${lastWords(await child.exit)}`);
          return readReadyFile(readyFile);
        },
        { what: "the processor", timeoutMs: READY_TIMEOUT_MS },
      );
      return new ProcessorProcess(child, options.workspace, endpoints);
    } catch (error) {
      await child.end("SIGKILL");
      throw error;
    }
  }

  /** Runs the command line against this processor with `--json` and returns the lines it prints, parsed. */
  async cli(...args: readonly string[]): Promise<readonly unknown[]> {
    const child = new Child({
      args: ["--max-semi-space-size=32", MAIN_PATH, ...args, "--json", "--data-dir", this.workspace.dataDir],
    });
    const timer = setTimeout(() => void child.end("SIGKILL"), CLI_TIMEOUT_MS);
    const exit = await child.exit;
    clearTimeout(timer);
    if (exit.code !== 0) throw new Error(`tollgate ${args.join(" ")}: ${lastWords(exit)}`);
    return parseJsonOutput(exit.stdout);
  }

  /** Stops as a service manager does. */
  async stop(): Promise<ChildExit> {
    return this.#child.stop(STOP_TIMEOUT_MS);
  }

  /** Ends it without any warning. */
  async kill(): Promise<void> {
    await this.#child.end("SIGKILL");
  }
}

function configText(options: ProcessorOptions): string {
  const { at, receiver = { http: "", grpc: "" }, storage = { storage: "", embedded: "" } } = options;
  const endpoint = (url: string | undefined): string => (url === undefined ? "127.0.0.1:0" : new URL(url).host);
  return [
    `receivers: { otlp: { protocols: { http: { endpoint: "${endpoint(at?.otlp_http)}", ${receiver.http} },`,
    `  grpc: { endpoint: "${endpoint(at?.otlp_grpc)}", ${receiver.grpc} } } } }`,
    `api: { endpoint: "${endpoint(at?.api)}" }`,
    `storage: { embedded: { endpoint: "${endpoint(at?.clickhouse)}", ${storage.embedded} }, ${storage.storage} }`,
    "governance: { paths: [./governance] }",
    "",
  ].join("\n");
}

async function readReadyFile(path: string): Promise<Endpoints | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Endpoints;
  } catch {
    // Not there yet, or not written to its end.
    return undefined;
  }
}

/** One document or JSON lines. */
function parseJsonOutput(text: string): readonly unknown[] {
  try {
    const document: unknown = JSON.parse(text);
    return Array.isArray(document) ? document : [document];
  } catch {
    return text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line): unknown => JSON.parse(line));
  }
}

export function lastWords(exit: ChildExit): string {
  const text = `${exit.stderr}\n${exit.stdout}`.trim().split("\n").slice(-8).join("\n");
  return `${exit.signal ?? `exit code ${exit.code}`}${text === "" ? "" : `\n${text}`}`;
}
