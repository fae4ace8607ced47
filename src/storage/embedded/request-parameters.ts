/**
 * The parameters of a request's URL and headers, sorted into what HTTP uses itself, `param_*` values of the query, and
 * engine settings. Settings and values reach the engine as `SET` on a connection that serves this one request and is then
 * closed, so nothing set for one query is there for the next.
 */
import type { IncomingHttpHeaders } from "node:http";
import { EngineError } from "./engine-error.ts";

/** One request's parameters. Lists keep the order they were given in. */
export interface RequestParameters {
  readonly query: string;
  readonly database: string | undefined;
  readonly defaultFormat: string | undefined;
  readonly queryId: string | undefined;
  readonly compressResponse: boolean;
  /** `readonly=1` or `2`: this request may not write, whoever asks. */
  readonly isReadOnly: boolean;
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly queryParameters: readonly (readonly [name: string, value: string])[];
}

/** Known to ClickHouse's HTTP handler, or to its transport, and to no engine: they are not settings here. */
const HTTP_ONLY = new Set([
  "query",
  "database",
  "default_format",
  "query_id",
  "user",
  "password",
  "quota_key",
  "role",
  "stacktrace",
  "client_protocol_version",
  "wait_end_of_query",
  "buffer_size",
  "enable_http_compression",
  "http_zlib_compression_level",
  "http_response_compression_method",
  "http_native_compression_disable_checksumming_on_decompress",
  "send_progress_in_http_headers",
  "http_headers_progress_interval_ms",
  "http_response_buffer_size",
  "http_write_exception_in_output_format",
  "add_http_cors_header",
  "close_session",
  "session_timeout",
  "session_check",
  "cancel_http_readonly_queries_on_client_close",
  // Can only be switched on by a request, never off: see `isReadOnly`.
  "readonly",
]);

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const FORMAT_NAME = /^[A-Za-z0-9_]{1,64}$/;

/** @throws EngineError for a malformed name, and for `session_id`, `compress` and `decompress`, which are not served. */
export function readParameters(url: URL, headers: IncomingHttpHeaders): RequestParameters {
  const settings: [string, string][] = [];
  const queryParameters: [string, string][] = [];
  for (const [name, value] of url.searchParams) {
    if (HTTP_ONLY.has(name)) continue;
    if (name === "compress" || name === "decompress" || name === "session_id") {
      if (value === "" || value === "0") continue;
      const detail = `\`${name}\` is not served by the embedded engine`;
      throw new EngineError({ code: 48, name: "NOT_IMPLEMENTED", detail });
    }
    if (!NAME.test(name)) {
      throw new EngineError({ code: 115, name: "UNKNOWN_SETTING", detail: `Unknown setting ${JSON.stringify(name)}` });
    }
    if (name.startsWith("param_")) queryParameters.push([name.slice("param_".length), value]);
    else settings.push([name, value]);
  }
  const defaultFormat = url.searchParams.get("default_format") ?? headerOf(headers, "x-clickhouse-format");
  if (defaultFormat !== undefined && !FORMAT_NAME.test(defaultFormat)) {
    throw new EngineError({
      code: 73,
      name: "UNKNOWN_FORMAT",
      detail: `Unknown format ${JSON.stringify(defaultFormat)}`,
    });
  }
  return {
    query: url.searchParams.get("query") ?? "",
    database: url.searchParams.get("database") ?? headerOf(headers, "x-clickhouse-database"),
    defaultFormat,
    queryId: url.searchParams.get("query_id") ?? undefined,
    compressResponse: ["1", "true"].includes(url.searchParams.get("enable_http_compression") ?? ""),
    isReadOnly: !["", "0", "false"].includes(url.searchParams.get("readonly") ?? ""),
    settings,
    queryParameters,
  };
}

/** The statements that put `parameters` in force on a connection, in order; each is sent alone. `mark` is the log comment, if none is given. */
export function preparingStatements(parameters: RequestParameters, mark: string): readonly string[] {
  const { database, settings, queryParameters } = parameters;
  const pairs = [
    ["log_comment", mark] as const,
    ...settings,
    ...queryParameters.map(([name, value]) => [`param_${name}`, value] as const),
  ];
  const set = `SET ${pairs.map(([name, value]) => `${name} = ${quoteString(value)}`).join(", ")}`;
  return database === undefined || database === "" ? [set] : [`USE ${quoteIdentifier(database)}`, set];
}

/** A ClickHouse string literal with exactly this value. */
export function quoteString(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\0", "\\0")}'`;
}

/** A quoted ClickHouse identifier. */
export function quoteIdentifier(value: string): string {
  return `\`${value.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("\0", "\\0")}\``;
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}
