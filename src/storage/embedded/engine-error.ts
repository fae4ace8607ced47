/**
 * ClickHouse's errors as HTTP answers: `Code: N. DB::Exception: … (NAME)`, with the status that ClickHouse's own HTTP
 * handler gives the code.
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/HTTP/exceptionCodeToHTTPStatus.cpp
 */

/** An error with ClickHouse's code and name. `message` is the whole line that goes into the answer. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: number;

  constructor(options: {
    readonly code: number;
    readonly name: string;
    readonly detail: string;
    readonly cause?: unknown;
  }) {
    super(`Code: ${options.code}. DB::Exception: ${options.detail}. (${options.name})`, { cause: options.cause });
    this.code = options.code;
  }
}

/** The code and text to answer for anything thrown while a request was served. */
export function describeError(error: unknown): { readonly code: number; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof EngineError) return { code: error.code, message };
  const code = /Code: (\d+)\. DB::/.exec(message)?.[1];
  if (code !== undefined) return { code: Number(code), message };
  return { code: 1001, message: `Code: 1001. DB::Exception: ${message}. (STD_EXCEPTION)` };
}

const STATUS_OF_CODES: readonly (readonly [status: number, codes: readonly number[]])[] = [
  [401, [194]], // REQUIRED_PASSWORD
  [403, [164, 192, 193, 497, 516]], // READONLY, UNKNOWN_USER, WRONG_PASSWORD, ACCESS_DENIED, AUTHENTICATION_FAILED
  // Text or data that can't be parsed, wrong types, wrong arguments.
  [400, [6, 26, 27, 33, 34, 35, 36, 38, 41, 42, 43, 44, 53, 61, 62, 63, 67, 70, 72, 117, 130, 131, 190, 456, 457]],
  // Damaged frames, a limit that this user may not raise. ClickHouse says 500, which clients take for a reason to try again.
  [400, [40, 89, 271, 452]],
  // UNKNOWN_ function, identifier, type, storage, table, format, database, setting, aggregate function.
  [404, [46, 47, 50, 56, 60, 73, 81, 82, 115, 511]],
  [408, [159]], // TIMEOUT_EXCEEDED
  [411, [381]], // HTTP_LENGTH_REQUIRED
  [413, [54]], // QUERY_IS_TOO_LARGE
  [501, [48]], // NOT_IMPLEMENTED
  [503, [202, 209, 439]], // TOO_MANY_SIMULTANEOUS_QUERIES, SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK
];

/** The HTTP status for a ClickHouse error code; 500 for those not listed. */
export function statusOf(code: number): number {
  return STATUS_OF_CODES.find(([, codes]) => codes.includes(code))?.[0] ?? 500;
}
