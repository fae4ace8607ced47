/**
 * What failed in the store, in the terms of the data path: send it again later, or never. A server that can't be reached,
 * or has no room just now, is retryable; a statement or data it will never take is permanent.
 */
import { ClickHouseError } from "@clickhouse/client";

/** Codes of ClickHouse that pass by themselves: load, limits, restarts, lost connections between its nodes. */
const RETRYABLE_CODES = new Set([
  3, // UNEXPECTED_END_OF_FILE
  32, // ATTEMPT_TO_READ_AFTER_EOF
  159, // TIMEOUT_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  319, // UNKNOWN_STATUS_OF_INSERT
  394, // QUERY_WAS_CANCELLED
  425, // SYSTEM_ERROR
  439, // CANNOT_SCHEDULE_TASK
  999, // KEEPER_EXCEPTION
]);

/**
 * An error of the store. `kind` says what to do: `retryable` later, `permanent` never, `aborted` because the caller gave up.
 * `code` is ClickHouse's number, or undefined if no server answered.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly kind: "retryable" | "permanent" | "aborted";
  readonly code: number | undefined;
  /** ClickHouse's name of the code, e.g. `UNKNOWN_TABLE`; or Node's, e.g. `ECONNREFUSED`. */
  readonly type: string;

  constructor(options: {
    readonly kind: StorageError["kind"];
    readonly code?: number | undefined;
    readonly type: string;
    readonly message: string;
    readonly cause?: unknown;
  }) {
    super(options.message, { cause: options.cause });
    this.kind = options.kind;
    this.code = options.code;
    this.type = options.type;
  }
}

/** Turns anything the client threw into a {@link StorageError}. A wrong password is permanent: it does not heal by waiting. */
export function toStorageError(error: unknown, signal?: AbortSignal): StorageError {
  if (error instanceof StorageError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (signal?.aborted === true)
    return new StorageError({ kind: "aborted", type: "ABORTED", message: "the caller gave up", cause: error });
  if (error instanceof ClickHouseError) {
    const code = Number(error.code);
    const kind = RETRYABLE_CODES.has(code) ? "retryable" : "permanent";
    return new StorageError({
      kind,
      code,
      type: error.type ?? "UNKNOWN",
      message: `clickhouse: ${message.trim()}`,
      cause: error,
    });
  }
  // No answer of a server: the network, a time-out, a proxy's page. All of these pass.
  const type = (error as { code?: unknown } | null)?.code;
  return new StorageError({
    kind: "retryable",
    type: typeof type === "string" ? type : "NETWORK",
    message: `clickhouse: ${message}`,
    cause: error,
  });
}
