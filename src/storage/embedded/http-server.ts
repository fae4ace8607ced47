/**
 * ClickHouse's HTTP interface over the engine's connections.
 * @see https://clickhouse.com/docs/interfaces/http
 *
 * An answer is sent while its query runs, from a mebibyte on; an error after
 * that stands in the answer, as in ClickHouse.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AnswerOutput } from "./answer-output.ts";
import type { AnswerPipes } from "./answer-pipes.ts";
import type { Connections } from "./connections.ts";
import { describeError, EngineError, statusOf } from "./engine-error.ts";
import { isForm, readForm, tableStatements, type Form } from "./multipart.ts";
import { helloBlock, isHello } from "./native-block.ts";
import { runStatement, type StatementAnswer } from "./run-statement.ts";
import { readParameters, wantsPackedAnswer, type RequestParameters } from "./request-parameters.ts";
import { readBody, readRequest } from "./request-body.ts";
import { sendAnswer, sendError, startAnswer } from "./response.ts";
import type { Sessions } from "./sessions.ts";
import { authenticate, type EngineUser } from "./users.ts";

/** What the server answers for, and its bounds. */
export interface HttpServerOptions {
  readonly connections: Connections;
  readonly sessions: Sessions;
  /** Undefined where answers can't be streamed. */
  readonly pipes: AnswerPipes | undefined;
  readonly users: readonly EngineUser[];
  readonly bodyBytesMax: number;
  readonly stallMsMax: number;
  /** Directory for insert data on its way in. */
  readonly temporaryPath: string;
  readonly serverName: string;
  readonly timezone: string;
  /** ClickHouse's version. */
  readonly version: string;
  /** Arguments of every connection: the limits a query starts with. */
  readonly connectionArgs: readonly string[];
  /** Awaited before an insert's failure is told. */
  onFailedInsert(): Promise<void>;
}

/** A request's line and headers. ClickHouse takes a URL of a mebibyte, and clients put parameters there. */
const HEAD_BYTES_MAX = 1024 * 1024;
/** Sockets; more than queries may run or wait. A further one is closed at once. */
const CONNECTIONS_MAX = 1024;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT"]);

/** The server, not yet listening. */
export function createHttpServer(options: HttpServerOptions): Server {
  const bounds = { keepAliveTimeout: 30_000, requestTimeout: 0, maxHeaderSize: HEAD_BYTES_MAX };
  const server = createServer(bounds, (request, response) => {
    void serve(options, request, response); // never rejects: what is thrown is answered
  });
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

async function serve(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader("X-ClickHouse-Server-Display-Name", options.serverName);
  const url = readUrl(request);
  const isPlainGet = (request.method === "GET" || request.method === "HEAD") && !url.searchParams.has("query");
  if (url.pathname === "/ping" || url.pathname === "/replicas_status" || (url.pathname === "/" && isPlainGet)) {
    response.setHeader("Content-Type", "text/plain; charset=UTF-8");
    response.end("Ok.\n");
  } else if (!METHODS.has(request.method ?? "")) {
    response.setHeader("Allow", [...METHODS].join(", "));
    response.statusCode = request.method === "OPTIONS" ? 204 : 501;
    response.end();
  } else if (url.pathname === "/") {
    await serveQuery(options, { url, request, response });
  } else {
    response.statusCode = 404;
    response.end(`There is no handle ${url.pathname}\n`);
  }
}

function readUrl(request: IncomingMessage): URL {
  const target = request.url ?? "/";
  return URL.parse(target.startsWith("/") ? `http://engine${target}` : target) ?? new URL("http://engine/malformed");
}

interface Query {
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function serveQuery(options: HttpServerOptions, { url, request, response }: Query): Promise<void> {
  const started = process.hrtime.bigint();
  const { timezone, stallMsMax } = options;
  const answerPath = join(options.temporaryPath, `${randomUUID()}.answer`);
  let output: AnswerOutput | undefined;
  try {
    const user = authenticate(options.users, url, request.headers);
    const { parameters, form } = await readParts(options, request, url);
    output = new AnswerOutput({
      begin: () => startAnswer({ stallMsMax, request, response, timezone, parameters }),
      heldBytesMax: parameters.heldBytesMax,
      filePath: parameters.waitsForEnd ? answerPath : undefined,
    });
    const answer = await answerQuery(options, { user, parameters, form, request, response, output });
    await output.write(answer.bytes);
    const bytes = await output.finish();
    if (bytes === undefined) return;
    const elapsedNs = process.hrtime.bigint() - started;
    await sendAnswer({ request, response, answer, bytes, elapsedNs, parameters, timezone });
  } catch (error) {
    const { code, message } = describeError(error);
    if (await output?.fail(message)) return;
    // The rest of the body is read and dropped: closing on a client that still sends would reset the connection, and the
    // client might never see the answer.
    request.unpipe();
    request.resume();
    await sendError({ response, status: statusOf(code), code, message, isPacked: wantsPackedAnswer(url) });
  } finally {
    await output?.close();
    await rm(answerPath, { force: true });
  }
}

interface Parts {
  readonly parameters: RequestParameters;
  /** The body, if it is a form; it is not read yet otherwise. */
  readonly form: FormOfRequest | undefined;
}

interface FormOfRequest extends Form {
  /** Fields and the URL's parameters. */
  readonly all: URLSearchParams;
}

async function readParts({ bodyBytesMax }: HttpServerOptions, request: IncomingMessage, url: URL): Promise<Parts> {
  const contentType = request.headers["content-type"];
  if (!isForm(contentType)) return { parameters: readParameters(url, request.headers), form: undefined };
  const form = await readForm(readBody({ request, isPacked: false, bodyBytesMax }), contentType);
  const whole = new URL(url);
  for (const [name, value] of form.fields) whole.searchParams.append(name, value);
  const names = form.tables.map(({ name }) => name);
  return { parameters: readParameters(whole, request.headers, names), form: { ...form, all: whole.searchParams } };
}

interface Exchange extends Parts {
  readonly user: EngineUser;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly output: AnswerOutput;
}

async function answerQuery(options: HttpServerOptions, exchange: Exchange): Promise<StatementAnswer> {
  const { user, parameters, form, request, response, output } = exchange;
  const queryId = parameters.queryId ?? randomUUID();
  response.setHeader("X-ClickHouse-Query-Id", queryId.replaceAll(/[^\x20-\x7e]/g, "?"));
  const dataPath = join(options.temporaryPath, `${randomUUID()}.data`);
  const tablePaths: string[] = [];
  try {
    const { bodyBytesMax } = options;
    const { query, unpackBody } = parameters;
    // A form has been read: its statement, and what data may follow it, are its field `query`.
    const source =
      form === undefined
        ? { query, body: readBody({ request, isPacked: unpackBody, bodyBytesMax }) }
        : { query: "", body: once(Buffer.from(query)) };
    const { statement, text } = await readRequest({ ...source, dataPath });
    if (statement.kind === "empty") {
      throw new EngineError({ code: 62, name: "SYNTAX_ERROR", detail: "Empty query" });
    }
    if (parameters.clientRevision > 0 && isHello(text)) return answerHello(options, parameters.clientRevision);
    const makeTables: string[] = [];
    for (const { name, file } of form?.tables ?? []) {
      const path = `${dataPath}.${tablePaths.length}`;
      tablePaths.push(path);
      makeTables.push(...tableStatements(name, path, form?.all ?? new URLSearchParams()));
      await writeFile(path, file.stream(), { flag: "wx", mode: 0o600 });
    }
    const isReader = user.isReadOnly === true;
    const isGet = request.method === "GET" || request.method === "HEAD";
    return await runStatement({
      ...options,
      statement,
      text,
      parameters,
      queryId,
      username: user.name,
      tableStatements: makeTables,
      dataPath,
      rights: { isReader, isReadOnly: isReader || parameters.isReadOnly || isGet },
      response,
      output,
    });
  } finally {
    for (const path of [dataPath, ...tablePaths]) await rm(path, { force: true });
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, undefined> {
  yield bytes;
  return undefined;
}

function answerHello({ serverName, version, timezone }: HttpServerOptions, clientRevision: number): StatementAnswer {
  const bytes = helloBlock({ displayName: serverName, version, timezone, clientRevision });
  return { bytes, elapsed: 0, rowsRead: 1, bytesRead: 0, format: "Native", isInsert: false };
}
