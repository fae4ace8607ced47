/**
 * The embedded engine as the processor sees it: a child process that speaks ClickHouse's HTTP interface on one port.
 * A crash of the engine is not a crash of the processor: it is started again on the same port, with a growing delay.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { Heartbeat } from "./heartbeat.ts";
import type { EngineStats } from "./engine-stats.ts";
import type { ChildMessage, ParentMessage, StartMessage } from "./messages.ts";
import type { EngineUser } from "./users.ts";

const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 10_000;
/** A child that lived this long is not part of a crash loop. */
const HEALTHY_MS = 30_000;
const STDERR_CHARS_MAX = 4_096;
const BODY_BYTES_MAX = 1024 * 1024 * 1024;
const STALL_MS_MAX = 30_000;
const HEARTBEAT_MS = 5_000;
/** An engine that is asked for its figures and says nothing for so long has none to give. */
const STATS_MS_MAX = 2_000;

/** Options of {@link EmbeddedEngine}. */
export interface EmbeddedEngineOptions {
  /** Directory for the engine's data; made if it is not there. One engine process at a time. */
  readonly dataDir: string;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** 0 picks a free one, which is then kept over restarts. @default 0 */
  readonly port?: number;
  /** @default one user `default` without a password */
  readonly users?: readonly EngineUser[];
  /** Queries side by side. @default 6 */
  readonly concurrencyMax?: number;
  /** Queries that wait for a place; more are answered 503 with code 202. @default 256 */
  readonly queueMax?: number;
  /** Request body after decompression. @default 1 GiB */
  readonly bodyBytesMax?: number;
  /** What the engine may allocate for all queries together. @default half of this machine's or cgroup's memory */
  readonly memoryMaxBytes?: number;
  /** A client that takes nothing of its answer for so long is cut off, and its query ended. @default 30000 */
  readonly stallMsMax?: number;
  /** How often the child is asked for a sign of life; without one three times in a row it is ended. @default 5000 */
  readonly heartbeatMs?: number;
  /** How long `stop` waits before it kills. @default 5000 */
  readonly stopMs?: number;
  /** Called at each unwanted end of the child, before it is started again. */
  readonly onCrash?: (crash: EngineCrash) => void;
  /** Called each time the child serves. */
  readonly onReady?: (running: RunningEngine) => void;
}

/** How the child ended, with the end of what it wrote to stderr. */
export interface EngineCrash {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  readonly restartInMs: number;
  /** Ends in a row, none of which came after {@link HEALTHY_MS} of service: from the third on it is a crash loop. */
  readonly inARow: number;
}

/** A serving engine. */
export interface RunningEngine {
  readonly url: string;
  readonly pid: number;
  /** ClickHouse's version. */
  readonly version: string;
}

/** Thrown by `start` when the engine can't serve. */
export class EngineStartError extends Error {
  override readonly name = "EngineStartError";
  readonly code = "storage_engine_start";
}

/** Starts, watches, restarts and stops the engine's process. */
export class EmbeddedEngine {
  readonly #options: EmbeddedEngineOptions;
  #child: ChildProcess | undefined;
  #port: number;
  #isStopping = false;
  #backoffMs = BACKOFF_MS_MIN;
  #restart: NodeJS.Timeout | undefined;
  #isServing = false;
  #crashes = 0;
  #crashesInARow = 0;
  #statsId = 0;
  #users: readonly EngineUser[];
  readonly #statsWaiting = new Map<number, (stats: EngineStats | undefined) => void>();

  constructor(options: EmbeddedEngineOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#users = options.users ?? [{ name: "default" }];
  }

  /**
   * Resolves when the engine serves.
   * @throws EngineStartError if the directory is held, the port is taken, or chDB does not run here
   */
  async start(): Promise<RunningEngine> {
    if (this.#child !== undefined) throw new EngineStartError("the engine is started already");
    this.#isStopping = false;
    return this.#launch();
  }

  /** Who may ask from now on, over restarts too. What runs already goes on. */
  setUsers(users: readonly EngineUser[]): void {
    this.#users = users;
    this.#child?.send({ type: "users", users } satisfies ParentMessage, () => undefined); // a closed channel: the next start has them
  }

  /** The child's process id; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether the engine serves now: false before the first start, between a crash and the restart, and after the stop. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** Unwanted ends of the child since this object was made, failed restarts included. */
  get crashes(): number {
    return this.#crashes;
  }

  /** The engine's own figures; undefined while it does not serve, or when it does not answer within 2 s. Never throws. */
  async stats(): Promise<EngineStats | undefined> {
    const child = this.#child;
    if (child === undefined || !this.#isServing) return undefined;
    this.#statsId += 1;
    const id = this.#statsId;
    return new Promise((resolve) => {
      const settle = (stats: EngineStats | undefined): void => {
        clearTimeout(timeout);
        this.#statsWaiting.delete(id);
        resolve(stats);
      };
      const timeout = setTimeout(() => settle(undefined), STATS_MS_MAX);
      this.#statsWaiting.set(id, settle);
      child.send({ type: "stats", id } satisfies ParentMessage, (error) => {
        if (error !== null) settle(undefined);
      });
    });
  }

  /** Ends the engine; queries that run get a moment to end. Safe to call twice, and unstarted. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.send({ type: "stop" } satisfies ParentMessage, () => undefined); // a closed channel: it is ending already
    const killer = setTimeout(() => child.kill("SIGKILL"), this.#options.stopMs ?? 5_000);
    await ended;
    clearTimeout(killer);
  }

  async #launch(): Promise<RunningEngine> {
    const child = spawnChild();
    this.#child = child;
    const startedAt = performance.now();
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARS_MAX);
    });
    let isReady = false;
    let heartbeat: Heartbeat | undefined;
    return new Promise<RunningEngine>((resolve, reject) => {
      let failure = "";
      child.once("error", (error) => {
        failure = error.message;
      });
      child.on("message", (message: ChildMessage) => {
        if (message.type === "failed") {
          failure = message.message;
          return;
        }
        if (message.type === "stats") {
          this.#statsWaiting.get(message.id)?.(message.stats);
          return;
        }
        if (message.type === "pong") {
          heartbeat?.answered();
          return;
        }
        isReady = true;
        this.#isServing = true;
        heartbeat = this.#watch(child);
        this.#port = message.port;
        const running = {
          url: `http://${urlHost(this.#host)}:${message.port}`,
          pid: child.pid ?? 0,
          version: message.version,
        };
        this.#options.onReady?.(running);
        resolve(running);
      });
      child.once("close", (exitCode, signal) => {
        heartbeat?.stop();
        this.#child = undefined;
        this.#isServing = false;
        for (const settle of this.#statsWaiting.values()) settle(undefined);
        if (!isReady) {
          const reason = failure || stderr.trim() || `it ended with ${signal ?? exitCode}`;
          reject(new EngineStartError(`the embedded engine did not start: ${reason}`));
        } else if (!this.#isStopping) {
          if (performance.now() - startedAt >= HEALTHY_MS) this.#forgetCrashes();
          this.#scheduleRestart({ exitCode, signal, stderr });
        }
      });
      child.send(this.#startMessage());
    });
  }

  #forgetCrashes(): void {
    this.#backoffMs = BACKOFF_MS_MIN;
    this.#crashesInARow = 0;
  }

  #watch(child: ChildProcess): Heartbeat {
    return new Heartbeat({
      intervalMs: this.#options.heartbeatMs ?? HEARTBEAT_MS,
      ask: () => child.send({ type: "ping" } satisfies ParentMessage, () => undefined), // a closed channel: it is ending
      onSilence: () => {
        this.#isServing = false;
        child.kill("SIGKILL");
      },
    });
  }

  #scheduleRestart(crash: Omit<EngineCrash, "restartInMs" | "inARow">): void {
    const restartInMs = this.#backoffMs;
    this.#crashes += 1;
    this.#crashesInARow += 1;
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MS_MAX);
    this.#options.onCrash?.({ ...crash, restartInMs, inARow: this.#crashesInARow });
    this.#restart = setTimeout(() => {
      this.#launch().catch((error: unknown) => {
        if (this.#isStopping) return;
        this.#scheduleRestart({ exitCode: null, signal: null, stderr: String(error) });
      });
    }, restartInMs);
  }

  get #host(): string {
    return this.#options.host ?? "127.0.0.1";
  }

  #startMessage(): StartMessage {
    const { dataDir, concurrencyMax, queueMax, bodyBytesMax, memoryMaxBytes, stallMsMax } = this.#options;
    return {
      type: "start",
      dataDir,
      host: this.#host,
      port: this.#port,
      users: this.#users,
      concurrencyMax: concurrencyMax ?? 6,
      queueMax: queueMax ?? 256,
      bodyBytesMax: bodyBytesMax ?? BODY_BYTES_MAX,
      memoryMaxBytes,
      stallMsMax: stallMsMax ?? STALL_MS_MAX,
    };
  }
}

/**
 * A query holds one of libuv's threads until it ends, and Node's default of 4 would let heavy queries hold up every insert
 * and file. The environment holds nothing else, and so none of the processor's secrets, beside its time zone.
 */
function spawnChild(): ChildProcess {
  const path = new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./child.js", import.meta.url).pathname;
  return spawn(process.execPath, [decodeURIComponent(path)], {
    env: { UV_THREADPOOL_SIZE: "24", TZ: Intl.DateTimeFormat().resolvedOptions().timeZone },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
}

function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
