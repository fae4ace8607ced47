/**
 * The engine's process: holds chDB on one data directory and serves it over HTTP. Started by {@link EmbeddedEngine} only.
 * It ends with its parent: a processor that was killed leaves no engine behind to hold the directory.
 */
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { AnswerPipes } from "./answer-pipes.ts";
import { connectionArgs, enginePaths, writeEngineConfig } from "./engine-config.ts";
import { Connections } from "./connections.ts";
import { listPhantomInserts, withdrawPhantomInserts } from "./deduplication-log.ts";
import { lockDirectory } from "./directory-lock.ts";
import { type EngineStats, readStats } from "./engine-stats.ts";
import { Sessions } from "./sessions.ts";
import { createHttpServer } from "./http-server.ts";
import { type EngineConnection, type EngineLibrary, loadEngine } from "./library.ts";
import { defaultMemoryBytes } from "./memory-bound.ts";
import type { ChildMessage, ParentMessage, StartMessage } from "./messages.ts";
import type { EngineUser } from "./users.ts";

/** How long a stopped engine lets running queries end. */
const DRAIN_MS = 3_000;
/** How long a part may have no name yet that the engine has written down. */
const NAMING_MS = 50;
/** How long to wait for an engine that is just ending to give the directory back. */
const LOCK_WAIT_MS = 5_000;

// With SIGKILL: an orderly exit waits for native threads, and acknowledged inserts survive either way.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
// Ctrl-C reaches the whole process group, and systemd's SIGTERM the whole unit: when to stop is for the parent to say, who
// may still have something to write.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);

let stop: () => void = () => process.kill(process.pid, "SIGKILL");

/** The server's own list: who is in it is asked with each request. */
const users: EngineUser[] = [];

let readFigures: (() => Promise<EngineStats>) | undefined;

process.on("message", (message: ParentMessage) => {
  if (message.type === "stop") {
    stop();
    return;
  }
  if (message.type === "ping") {
    send({ type: "pong" });
    return;
  }
  if (message.type === "users") {
    users.splice(0, users.length, ...message.users);
    return;
  }
  if (message.type === "stats") {
    const { id } = message;
    // Unanswered, a request for figures runs into its time-out.
    readFigures?.().then(
      (stats) => send({ type: "stats", id, stats }),
      () => undefined,
    );
    return;
  }
  serve(message).catch((error: unknown) => {
    send({ type: "failed", message: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
    process.removeAllListeners("disconnect");
    process.disconnect();
  });
});

async function serve(start: StartMessage): Promise<void> {
  users.push(...start.users);
  const paths = enginePaths(start.dataDir);
  const unlock = await lockDirectory(paths.lock, LOCK_WAIT_MS);
  const memoryMaxBytes = start.memoryMaxBytes ?? defaultMemoryBytes();
  writeEngineConfig(paths, memoryMaxBytes);
  const pipes = AnswerPipes.make(paths.temporary, start.concurrencyMax);
  const library = loadEngine(paths.data);
  const args = connectionArgs(paths, { isStreaming: pipes !== undefined });
  // Stays open: the engine shuts down when its last connection is closed.
  const anchor = openWhole(library, args, paths.data);
  const answer = await anchor.run("SELECT version(), timezone()", "TabSeparated");
  const [version = "", timezone = "UTC"] = Buffer.from(answer.bytes).toString("utf8").trim().split("\t");

  const connections = new Connections({ library, concurrencyMax: start.concurrencyMax, queueMax: start.queueMax });
  // One after the other: a connection runs one query at a time.
  let figures: Promise<unknown> = Promise.resolve();
  readFigures = () => {
    const next = figures.then(() => readStats({ connection: anchor, connections, memoryMaxBytes }));
    figures = next.catch(() => undefined);
    return next;
  };
  const server = createHttpServer({
    connections,
    sessions: new Sessions(library),
    pipes,
    users,
    bodyBytesMax: start.bodyBytesMax,
    stallMsMax: start.stallMsMax,
    temporaryPath: paths.temporary,
    serverName: hostname(),
    timezone,
    version,
    connectionArgs: args,
    onFailedInsert: () => endAtPhantomInsert(paths.data),
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(start.port, start.host, resolve);
  });

  stop = () => {
    const end = (): void => {
      unlock();
      process.kill(process.pid, "SIGKILL");
    };
    server.close(() => {
      anchor.close();
      end();
    });
    server.closeIdleConnections();
    setTimeout(end, DRAIN_MS);
  };
  send({ type: "ready", port: (server.address() as AddressInfo).port, version });
}

/** Twice where the engine has put parts aside as it started, because they were not written whole: their inserts are not there, either. */
function openWhole(library: EngineLibrary, args: readonly string[], dataPath: string): EngineConnection {
  withdrawPhantomInserts(dataPath);
  const connection = library.open(args);
  if (listPhantomInserts(dataPath).length === 0) return connection;
  connection.close();
  withdrawPhantomInserts(dataPath);
  return library.open(args);
}

/**
 * A disk that is full, or fails, can leave an insert that the engine remembers and has not got. Its repetition would be answered as done:
 * so the engine ends before anybody can repeat it, and its next start withdraws it.
 */
async function endAtPhantomInsert(dataPath: string): Promise<void> {
  if (!(await hasPhantomInsert(dataPath))) return;
  process.stderr.write("an insert is half-way in: the engine starts again, so that it can be repeated\n");
  process.kill(process.pid, "SIGKILL");
}

async function hasPhantomInsert(dataPath: string): Promise<boolean> {
  try {
    const first = listPhantomInserts(dataPath);
    if (first.length === 0) return false;
    // Another insert may be just between the two: then it is there a moment later.
    await delay(NAMING_MS);
    const still = new Set(listPhantomInserts(dataPath));
    return first.some((insert) => still.has(insert));
  } catch {
    // A disk that can't be read: nobody knows, and the next start looks again.
    return true;
  }
}

function send(message: ChildMessage): void {
  process.send?.(message);
}
