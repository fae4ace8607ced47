/**
 * The parameters of a request's URL and headers, sorted into what HTTP uses itself, `param_*` values of the query, and
 * engine settings. Settings and values reach the engine as `SET` on a connection that serves this one request and is then
 * closed, so nothing set for one query is there for the next.
 */
import type { IncomingHttpHeaders } from "node:http";
import { EngineError } from "./engine-error.ts";
import { clampSetting, READER_DEFAULTS, READER_PROFILE } from "./limits.ts";
import type { QueryMark } from "./query-mark.ts";
import { quoteIdentifier, quoteString } from "./quoting.ts";
import { readOnlyError } from "./read-only.ts";
import type { SessionParameters } from "./sessions.ts";

/** One request's parameters. Lists keep the order they were given in. */
export interface RequestParameters {
  readonly query: string;
  readonly database: string | undefined;
  readonly defaultFormat: string | undefined;
  readonly queryId: string | undefined;
  /** By Content-Encoding. */
  readonly compressResponse: boolean;
  /** `compress=1`: the answer in ClickHouse's own frames. */
  readonly packAnswer: boolean;
  /** `decompress=1`: the body is in ClickHouse's own frames. */
  readonly unpackBody: boolean;
  /** `client_protocol_version`: the revision of Native that the client would like; 0 if it does not say. */
  readonly clientRevision: number;
  /** `wait_end_of_query=1`: nothing is sent before the query has ended. */
  readonly waitsForEnd: boolean;
  /** `buffer_size`: how much of an answer is held back before it is sent. */
  readonly heldBytesMax: number;
  /** `session_id` and its kin; undefined without. */
  readonly session: SessionParameters | undefined;
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
  "stacktrace",
  "client_protocol_version",
  "compress",
  "decompress",
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
  "session_id",
  "close_session",
  "session_timeout",
  "session_check",
  "cancel_http_readonly_queries_on_client_close",
  // Can only be switched on by a request, never off: see `isReadOnly`.
  "readonly",
]);

const SESSION_SECONDS = 60;
const SESSION_SECONDS_MAX = 3_600;

/** ClickHouse's own default, and what a request may ask for. */
const HELD_BYTES = 1024 * 1024;
const HELD_BYTES_MAX = 16 * 1024 * 1024;

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const FORMAT_NAME = /^[A-Za-z0-9_]{1,64}$/;

/** What describes an external table of a multipart body, behind the table's name. */
const TABLE_SUFFIX = /_(?:format|structure|types)$/;

/**
 * Sorts the parameters. `tables` are the names of the request's external tables, whose descriptions are no settings.
 * @throws EngineError for what is malformed
 */
export function readParameters(
  url: URL,
  headers: IncomingHttpHeaders,
  tables: readonly string[] = [],
): RequestParameters {
  const settings: [string, string][] = [];
  const queryParameters: [string, string][] = [];
  for (const [name, value] of url.searchParams) {
    if (HTTP_ONLY.has(name) || (TABLE_SUFFIX.test(name) && tables.includes(name.replace(TABLE_SUFFIX, "")))) continue;
    if (name === "role") {
      // As the server answers for any name: there are no roles, and a request that wants fewer rights must not have more.
      const detail = `There is no role ${quoteIdentifier(value)} in user directories`;
      throw new EngineError({ code: 511, name: "UNKNOWN_ROLE", detail });
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
    compressResponse: isOn(url.searchParams.get("enable_http_compression")),
    packAnswer: wantsPackedAnswer(url),
    unpackBody: isOn(url.searchParams.get("decompress")),
    clientRevision: Number.parseInt(url.searchParams.get("client_protocol_version") ?? "", 10) || 0,
    waitsForEnd: isOn(url.searchParams.get("wait_end_of_query")),
    heldBytesMax: heldBytesOf(url.searchParams.get("buffer_size") ?? url.searchParams.get("http_response_buffer_size")),
    session: readSession(url.searchParams),
    isReadOnly: !["", "0", "false"].includes(url.searchParams.get("readonly") ?? ""),
    settings,
    queryParameters,
  };
}

/** Options of {@link preparingStatements}. */
export interface PreparingOptions {
  /** What the query is found by while it runs. */
  readonly mark: QueryMark;
  /** Whose query it is: a reader's settings are clamped, and held by a profile. */
  readonly isReader: boolean;
}

/** The statements that put `parameters` in force on a connection, in order; each is sent alone. */
export function preparingStatements(parameters: RequestParameters, options: PreparingOptions): readonly string[] {
  const { database, settings, queryParameters } = parameters;
  const { mark, isReader } = options;
  if (isReader && settings.some(([name]) => name.toLowerCase() === "profile")) {
    throw readOnlyError("the setting `profile`");
  }
  const pairs = [
    // A profile's constraints hold here, its values do not (measured, chDB 26.7). What the request says comes later, and wins.
    ...(isReader ? READER_DEFAULTS : []),
    ...settings.map(([name, value]) => [name, isReader ? clampSetting(name, value) : value] as const),
    ...queryParameters.map(([name, value]) => [`param_${name}`, value] as const),
    [mark.setting, mark.value] as const,
  ];
  return [
    ...(isReader ? [`SET profile = ${quoteString(READER_PROFILE)}`] : []),
    ...(database === undefined || database === "" ? [] : [`USE ${quoteIdentifier(database)}`]),
    `SET ${pairs.map(([name, value]) => `${name} = ${quoteString(value)}`).join(", ")}`,
  ];
}

/** Whether the answer, an error as well, is to be in ClickHouse's own frames. */
export function wantsPackedAnswer(url: URL): boolean {
  return isOn(url.searchParams.get("compress"));
}

function readSession(parameters: URLSearchParams): SessionParameters | undefined {
  const id = parameters.get("session_id") ?? "";
  if (id === "") return undefined;
  const timeout = parameters.get("session_timeout") ?? String(SESSION_SECONDS);
  const timeoutSeconds = /^\d{1,9}$/.test(timeout) ? Number(timeout) : Number.NaN;
  if (!(timeoutSeconds <= SESSION_SECONDS_MAX)) {
    const detail = `Invalid session timeout ${JSON.stringify(timeout)}: at most ${SESSION_SECONDS_MAX} seconds`;
    throw new EngineError({ code: 374, name: "INVALID_SESSION_TIMEOUT", detail });
  }
  return {
    id,
    timeoutSeconds,
    mustExist: isOn(parameters.get("session_check")),
    closesAfter: isOn(parameters.get("close_session")),
  };
}

function heldBytesOf(value: string | null): number {
  const wanted = value === null || !/^\d+$/.test(value) ? HELD_BYTES : Number(value);
  return Math.min(wanted, HELD_BYTES_MAX);
}

function isOn(value: string | null): boolean {
  return value === "1" || value === "true";
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}
