/**
 * ClickHouse's HTTP interface over the engine's connections.
 * @see https://clickhouse.com/docs/interfaces/http
 *
 * Not served, and refused by name: sessions, ClickHouse's own LZ4 framing (`compress`, `decompress`), multipart bodies.
 * An answer is held in memory before it is sent (`max_result_bytes` bounds it), so an error always has its status.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Connections } from "./connections.ts";
import { describeError, EngineError, statusOf } from "./engine-error.ts";
import { runStatement, type StatementAnswer } from "./run-statement.ts";
import { readParameters, type RequestParameters } from "./request-parameters.ts";
import { readRequest } from "./request-body.ts";
import { sendAnswer, sendError } from "./response.ts";
import { authenticate, type EngineUser } from "./users.ts";

/** What the server answers for, and its bounds. */
export interface HttpServerOptions {
  readonly connections: Connections;
  readonly users: readonly EngineUser[];
  readonly bodyBytesMax: number;
  /** Directory for insert data on its way in. */
  readonly temporaryPath: string;
  readonly serverName: string;
  readonly timezone: string;
  /** Arguments of every connection: the limits a query starts with. */
  readonly connectionArgs: readonly string[];
}

/** The server, not yet listening. */
export function createHttpServer(options: HttpServerOptions): Server {
  return createServer({ keepAliveTimeout: 30_000, requestTimeout: 0 }, (request, response) => {
    void serve(options, request, response); // never rejects: what is thrown is answered
  });
}

async function serve(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const started = process.hrtime.bigint();
  response.setHeader("X-ClickHouse-Server-Display-Name", options.serverName);
  try {
    const url = new URL(request.url ?? "/", "http://engine");
    if (url.pathname === "/ping" || url.pathname === "/replicas_status") {
      response.setHeader("Content-Type", "text/plain; charset=UTF-8");
      response.end("Ok.\n");
      return;
    }
    if (url.pathname !== "/") {
      response.statusCode = 404;
      response.end(`There is no handle ${url.pathname}\n`);
      return;
    }
    const user = authenticate(options.users, url, request.headers);
    const parameters = readParameters(url, request.headers);
    const answer = await answerQuery(options, { user, parameters, request, response });
    const elapsedNs = process.hrtime.bigint() - started;
    const compress = parameters.compressResponse;
    await sendAnswer({ request, response, answer, elapsedNs, compress, timezone: options.timezone });
  } catch (error) {
    const { code, message } = describeError(error);
    // The rest of the body is read and dropped: closing on a client that still sends would reset the connection, and the
    // client might never see the answer.
    request.unpipe();
    request.resume();
    sendError({ response, status: statusOf(code), code, message });
  }
}

interface Exchange {
  readonly user: EngineUser;
  readonly parameters: RequestParameters;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answerQuery(options: HttpServerOptions, exchange: Exchange): Promise<StatementAnswer> {
  const { user, parameters, request, response } = exchange;
  const queryId = parameters.queryId ?? randomUUID();
  response.setHeader("X-ClickHouse-Query-Id", queryId.replaceAll(/[^\x20-\x7e]/g, "?"));
  if (/^multipart\//i.test(request.headers["content-type"] ?? "")) {
    throw new EngineError({ code: 48, name: "NOT_IMPLEMENTED", detail: "multipart bodies are not served" });
  }
  const dataPath = join(options.temporaryPath, `${randomUUID()}.data`);
  try {
    const { statement, text } = await readRequest({
      request,
      query: parameters.query,
      bodyBytesMax: options.bodyBytesMax,
      dataPath,
    });
    if (statement.kind === "empty") {
      throw new EngineError({ code: 62, name: "SYNTAX_ERROR", detail: "Empty query" });
    }
    const isGet = request.method === "GET" || request.method === "HEAD";
    const isReadOnly = user.isReadOnly === true || parameters.isReadOnly || isGet;
    return await runStatement({ ...options, statement, text, parameters, dataPath, isReadOnly, response });
  } finally {
    await rm(dataPath, { force: true });
  }
}
