/**
 * chDB's native addon, behind the four calls that are used of it. The addon is loaded by path: chDB exports it only
 * wrapped in a `Session`, which closes a connection only after every query that runs beside it is done, while here a
 * connection lives for one request. `chdb/connection` is not used: its settings leak and its insert bodies become UTF-8.
 *
 * Measured (chdb 3.4.0, engine 26.7): 0.6 ms to open a connection on an open data directory and 0.05 ms to close it;
 * the addon's raw insert cuts Native data short from some size on, so data goes in by `FROM INFILE`; its query-parameter
 * argument is not safe beside other queries (chDB says so itself), so parameters go in by `SET param_…`.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The answer to one statement: the bytes of its format, and the engine's counts. */
export interface EngineAnswer {
  readonly bytes: Uint8Array;
  /** Seconds. */
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

declare const handleBrand: unique symbol;
type Handle = { readonly [handleBrand]: true };

interface Addon {
  CreateConnection(path: string, args: readonly string[]): Handle;
  CloseConnection(handle: Handle): void;
  QueryAsyncConnection(handle: Handle, sql: string, format: string): Promise<EngineAnswer>;
}

/** An open connection: settings, parameters, current database and temporary tables are its own. One query at a time. */
export interface EngineConnection {
  run(sql: string, format: string): Promise<EngineAnswer>;
  /** Must not be called while a query runs. */
  close(): void;
}

/** Opens connections on one data directory. The engine runs while at least one of them is open. */
export interface EngineLibrary {
  open(args: readonly string[]): EngineConnection;
}

/** Loads the engine (about a second, 540 MiB mapped) for the data directory `path`. Once a process. */
export function loadEngine(path: string): EngineLibrary {
  const require = createRequire(import.meta.url);
  const loader = require(join(dirname(require.resolve("chdb")), "dist", "loader.js")) as { loadNative(): Addon };
  const addon = loader.loadNative();
  return {
    open(args) {
      const handle = addon.CreateConnection(path, args);
      return {
        run: (sql, format) => addon.QueryAsyncConnection(handle, sql, format),
        close: () => addon.CloseConnection(handle),
      };
    },
  };
}
