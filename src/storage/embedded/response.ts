/** Writes answers as ClickHouse's HTTP handler does: its headers, content types and compression. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { deflate, gzip, zstdCompress } from "node:zlib";
import { packFrames } from "./compressed-frames.ts";
import type { RequestParameters } from "./request-parameters.ts";
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
    result_bytes: String(answer.bytes.length),
    elapsed_ns: String(elapsedNs),
  };
  response.setHeader("Content-Type", contentTypeOf(answer.format));
  response.setHeader("X-ClickHouse-Format", answer.format);
  response.setHeader("X-ClickHouse-Timezone", timezone);
  response.setHeader("X-ClickHouse-Summary", JSON.stringify(summary));
  // clickhouse-go looks for an error in the midst of an answer wherever it finds the marker, unless a tag says how a true
  // one would look. There never is one here. @clickhouse/client, given a tag, takes any line that ends in CR for one.
  if (parameters.clientRevision > 0) response.setHeader("X-ClickHouse-Exception-Tag", randomBytes(8).toString("hex"));
  const body = parameters.packAnswer ? await packFrames(answer.bytes) : answer.bytes;
  const encoding =
    parameters.compressResponse && body.length > 0 ? encodingFor(request.headers["accept-encoding"]) : undefined;
  const bytes = encoding === undefined ? body : await ENCODERS[encoding](body);
  if (encoding !== undefined) response.setHeader("Content-Encoding", encoding);
  response.setHeader("Content-Length", bytes.length);
  response.end(bytes);
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
