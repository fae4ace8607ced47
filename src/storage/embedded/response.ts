/** Writes answers as ClickHouse's HTTP handler does: its headers, content types and compression. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { deflate, gzip, zstdCompress } from "node:zlib";
import type { AnswerStream } from "./answer-output.ts";
import { packFrames } from "./compressed-frames.ts";
import type { RequestParameters } from "./request-parameters.ts";
import { beginStream } from "./response-stream.ts";
import type { StatementAnswer } from "./run-statement.ts";

const ENCODERS = {
  gzip: promisify(gzip),
  deflate: promisify(deflate),
  zstd: promisify(zstdCompress),
} as const;

export interface SendAnswerOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly answer: StatementAnswer;
  /** All of it. */
  readonly bytes: Uint8Array;
  readonly elapsedNs: bigint;
  readonly timezone: string;
  /** Says how to compress: only as the client asked, by `enable_http_compression=1` or `compress=1`, as in ClickHouse. */
  readonly parameters: Pick<RequestParameters, "compressResponse" | "packAnswer" | "clientRevision">;
}

/** Sends the bytes with their length. chDB counts the rows of an insert's data as read; rows that views add are not counted. */
export async function sendAnswer({
  request,
  response,
  answer,
  bytes: answerBytes,
  elapsedNs,
  timezone,
  parameters,
}: SendAnswerOptions): Promise<void> {
  const summary = {
    read_rows: String(answer.rowsRead),
    read_bytes: String(answer.bytesRead),
    written_rows: String(answer.isInsert ? answer.rowsRead : 0),
    written_bytes: String(answer.isInsert ? answer.bytesRead : 0),
    total_rows_to_read: "0",
    result_rows: String(answer.isInsert ? 0 : answer.rowsRead),
    result_bytes: String(answerBytes.length),
    elapsed_ns: String(elapsedNs),
  };
  announceFormat(response, answer.format);
  response.setHeader("X-ClickHouse-Timezone", timezone);
  response.setHeader("X-ClickHouse-Summary", JSON.stringify(summary));
  // clickhouse-go looks for an error in the midst of an answer wherever it finds the marker, unless a tag says how a true
  // one would look. There never is one here. @clickhouse/client, given a tag, takes any line that ends in CR for one.
  if (parameters.clientRevision > 0) response.setHeader("X-ClickHouse-Exception-Tag", randomBytes(8).toString("hex"));
  const body = parameters.packAnswer ? await packFrames(answerBytes) : answerBytes;
  const encoding =
    parameters.compressResponse && body.length > 0 ? encodingFor(request.headers["accept-encoding"]) : undefined;
  const bytes = encoding === undefined ? body : await ENCODERS[encoding](body);
  if (encoding !== undefined) response.setHeader("Content-Encoding", encoding);
  response.setHeader("Content-Length", bytes.length);
  response.end(bytes);
}

/** Sets the headers that tell the format. */
export function announceFormat(response: ServerResponse, format: string): void {
  response.setHeader("Content-Type", contentTypeOf(format));
  response.setHeader("X-ClickHouse-Format", format);
}

export interface StartAnswerOptions {
  readonly stallMsMax: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly timezone: string;
  readonly parameters: Pick<RequestParameters, "compressResponse" | "packAnswer">;
}

/** Begins an answer whose query still runs; its summary can't tell more than that it began. */
export function startAnswer({ stallMsMax, request, response, timezone, parameters }: StartAnswerOptions): AnswerStream {
  response.setHeader("X-ClickHouse-Timezone", timezone);
  const counts = ["read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows"];
  const zeros = [...counts, "result_bytes", "elapsed_ns"].map((name) => [name, "0"]);
  response.setHeader("X-ClickHouse-Summary", JSON.stringify(Object.fromEntries(zeros)));
  return beginStream({
    response,
    encoding: parameters.compressResponse ? encodingFor(request.headers["accept-encoding"]) : undefined,
    isPacked: parameters.packAnswer,
    stallMsMax,
  });
}

export interface SendErrorOptions {
  readonly response: ServerResponse;
  readonly status: number;
  /** ClickHouse's error code. */
  readonly code: number;
  readonly message: string;
  /** In ClickHouse's own frames: with `compress=1` clients unpack an error, too. */
  readonly isPacked: boolean;
}

/** Sends an error; does nothing if the answer has begun or the client is gone. */
export async function sendError({ response, status, code, message, isPacked }: SendErrorOptions): Promise<void> {
  if (response.headersSent || response.destroyed) return;
  response.statusCode = status;
  response.removeHeader("X-ClickHouse-Format");
  response.removeHeader("X-ClickHouse-Summary");
  response.setHeader("Content-Type", "text/plain; charset=UTF-8");
  response.setHeader("X-ClickHouse-Exception-Code", code);
  if (status === 401) response.setHeader("WWW-Authenticate", 'Basic realm="ClickHouse server HTTP API"');
  if (status === 503) response.setHeader("Retry-After", 1);
  const text = Buffer.from(`${message}\n`);
  const bytes = isPacked ? await packFrames(text) : text;
  response.setHeader("Content-Length", bytes.length);
  response.end(bytes);
}

function encodingFor(accepted: string | undefined): keyof typeof ENCODERS | undefined {
  const names = (accepted ?? "").split(",").map((part) => part.split(";")[0]?.trim().toLowerCase());
  return (["gzip", "deflate", "zstd"] as const).find((name) => names.includes(name));
}

function contentTypeOf(format: string): string {
  if (/EachRow|NDJSON|JSONLines/.test(format)) return "application/x-ndjson; charset=UTF-8";
  if (format.startsWith("JSON")) return "application/json; charset=UTF-8";
  if (format.startsWith("CSV")) return "text/csv; charset=UTF-8; header=absent";
  if (/^(?:TabSeparated|TSV)/.test(format)) return "text/tab-separated-values; charset=UTF-8";
  if (/^(?:Pretty|Vertical|Values|Markdown|TSKV|XML|SQLInsert|Raw|LineAsString)/.test(format))
    return "text/plain; charset=UTF-8";
  return "application/octet-stream";
}
