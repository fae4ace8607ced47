/** Runs one statement on a connection of its own, and cancels it when its client goes away. */
import type { Socket } from "node:net";
import type { ServerResponse } from "node:http";
import type { AnswerOutput } from "./answer-output.ts";
import type { AnswerPipe, AnswerPipes } from "./answer-pipes.ts";
import type { Connections, Lane } from "./connections.ts";
import { EngineError } from "./engine-error.ts";
import { tokenise } from "./lexer.ts";
import type { EngineAnswer, EngineConnection } from "./library.ts";
import { emptyBlock, readColumns } from "./native-block.ts";
import { createMark, type QueryMark, withClientQueryIds } from "./query-mark.ts";
import { quoteString } from "./quoting.ts";
import { announceFormat } from "./response.ts";
import { readSessionState, restoringStatements, type Sessions } from "./sessions.ts";
import { isReading, requireReadOnly } from "./read-only.ts";
import { preparingStatements, type RequestParameters } from "./request-parameters.ts";
import type { Statement } from "./statement.ts";

/** The engine's answer with the format its bytes are in; no bytes are left of what went to the output as it came. */
export interface StatementAnswer extends EngineAnswer {
  readonly format: string;
  readonly isInsert: boolean;
}

/** What a request may do. */
export interface Rights {
  /** By its user, its method or its `readonly` parameter. */
  readonly isReadOnly: boolean;
  /** By its user, who can't raise limits either. */
  readonly isReader: boolean;
}

export interface RunStatementOptions {
  readonly connections: Connections;
  readonly connectionArgs: readonly string[];
  /** Undefined where answers can't be streamed. */
  readonly pipes: AnswerPipes | undefined;
  readonly output: AnswerOutput;
  readonly statement: Exclude<Statement, { kind: "empty" }>;
  /** The statement's bytes as latin1. */
  readonly text: string;
  readonly parameters: RequestParameters;
  readonly queryId: string;
  readonly sessions: Sessions;
  readonly username: string;
  /** Statements that make the request's external tables. */
  readonly tableStatements: readonly string[];
  readonly dataPath: string;
  readonly rights: Rights;
  readonly response: ServerResponse;
  /** Awaited before an insert's failure is told. */
  onFailedInsert(): Promise<void>;
}

/** @throws EngineError, or the engine's own error */
export async function runStatement(options: RunStatementOptions): Promise<StatementAnswer> {
  const { connections, connectionArgs: args, statement, text, parameters, response, rights } = options;
  if (rights.isReadOnly) requireReadOnly(text);
  const format =
    (statement.kind === "plain" ? statement.format?.name : undefined) ?? parameters.defaultFormat ?? "TabSeparated";
  announceFormat(response, format);
  const prepared: Prepared = {
    ...options,
    format,
    sql: sqlOf(options),
    mark: createMark(options.queryId, parameters.settings),
    isInsert: statement.kind === "insert-data" || statement.firstWord === "INSERT",
  };
  const lane = laneOf(statement);
  // A reader's session could hold nothing: it may neither SET nor make temporary tables.
  if (parameters.session === undefined || rights.isReader) {
    return connections.use({ args, lane }, async (connection) => serve(prepared, connection));
  }
  const session = options.sessions.take(options.username, parameters.session, args);
  const state = { isSpoilt: false };
  try {
    return await connections.use({ args, lane, held: session.connection }, async (connection) =>
      serveInSession(prepared, connection, state),
    );
  } finally {
    session.release(state.isSpoilt);
  }
}

interface Prepared extends RunStatementOptions {
  readonly format: string;
  readonly sql: string;
  readonly mark: QueryMark;
  readonly isInsert: boolean;
}

/** Runs on a connection that lives on: what the request has set for itself is taken back. */
async function serveInSession(
  prepared: Prepared,
  connection: EngineConnection,
  session: { isSpoilt: boolean },
): Promise<StatementAnswer> {
  const { parameters, mark, statement, text } = prepared;
  const names = [...parameters.settings.map(([name]) => name), mark.setting, "readonly"];
  const state = await readSessionState(connection, names);
  try {
    return await serve(prepared, connection);
  } finally {
    session.isSpoilt = true;
    for (const sql of restoringStatements(state, wordsKept(statement, text))) await connection.run(sql, "Null");
    session.isSpoilt = false;
  }
}

async function serve(prepared: Prepared, connection: EngineConnection): Promise<StatementAnswer> {
  const { connections, connectionArgs: args, statement, text, parameters, response, rights } = prepared;
  const { mark, format, isInsert, output } = prepared;
  if (response.destroyed) throw cancelledError();
  for (const preparing of preparingStatements(parameters, { mark, isReader: rights.isReader })) {
    await connection.run(preparing, "Null");
  }
  for (const preparing of prepared.tableStatements) await connection.run(preparing, "Null");
  if (rights.isReadOnly) await connection.run("SET readonly = 2", "Null");
  const cancel = (): void => {
    if (response.writableFinished) return;
    const condition = `Settings[${quoteString(mark.setting)}] = ${quoteString(mark.value)}`;
    // A cancel that fails leaves the query to its max_execution_time.
    connections.control(args, `KILL QUERY WHERE ${condition}`).catch(() => undefined);
  };
  response.once("close", cancel);
  try {
    const answer = await runAndRead({ ...prepared, connection });
    const isEmpty = answer.bytes.length === 0 && output.isEmpty;
    if (format === "Native" && isEmpty && statement.kind === "plain") {
      return { ...answer, bytes: await describeAnswer(connection, statement, text), format, isInsert };
    }
    return { ...answer, format, isInsert };
  } catch (error) {
    if (isInsert) await prepared.onFailedInsert();
    throw error;
  } finally {
    response.off("close", cancel);
  }
}

/** The words of SET and USE, whose effect is to last. */
function wordsKept(statement: RunStatementOptions["statement"], text: string): (word: string) => boolean {
  const isLasting = statement.kind === "plain" && ["SET", "USE"].includes(statement.firstWord);
  const words = new Set(isLasting ? [...tokenise(text)].map((token) => token.text.toUpperCase()) : []);
  return (word) => words.has(word);
}

interface Running extends Pick<RunStatementOptions, "pipes" | "output" | "statement"> {
  readonly connection: EngineConnection;
  readonly sql: string;
  readonly format: string;
}

/** Runs `sql`; what a SELECT gives goes to the output while it runs. */
async function runAndRead({ pipes, output, statement, connection, sql, format }: Running): Promise<EngineAnswer> {
  const pipe = statement.kind === "plain" && isSelect(statement.firstWord) ? pipes?.take() : undefined;
  if (pipes === undefined || pipe === undefined || statement.kind !== "plain") return connection.run(sql, format);
  try {
    const reading = readPipe(pipe.open(), output);
    try {
      return await connection.run(withOutfile({ sql, statement, pipe, format }), format);
    } finally {
      pipe.close();
      await reading;
    }
  } finally {
    pipes.giveBack(pipe);
  }
}

/**
 * Gives all to `output`; what it can't take is dropped, so that the engine never waits for a reader.
 * @throws the output's first error, at the end
 */
async function readPipe(source: Socket, output: AnswerOutput): Promise<void> {
  const failures: unknown[] = [];
  for await (const chunk of source) {
    if (failures.length > 0) continue;
    await output.write(chunk as Buffer).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

interface Outfile {
  readonly sql: string;
  readonly statement: PlainStatement;
  readonly pipe: AnswerPipe;
  readonly format: string;
}

/** In the grammar's order: the statement, INTO OUTFILE, FORMAT, and what SETTINGS follow that. */
function withOutfile({ sql, statement, pipe, format }: Outfile): string {
  const outfile = `INTO OUTFILE ${quoteString(pipe.path)} TRUNCATE COMPRESSION 'none' FORMAT ${format}`;
  if (statement.format === undefined) return `${sql}\n${outfile}`;
  const bytes = Buffer.from(sql);
  const head = bytes.subarray(0, statement.format.start).toString();
  return `${head}\n${outfile}\n${bytes.subarray(statement.format.end).toString()}`;
}

type PlainStatement = Extract<Statement, { kind: "plain" }>;

/**
 * The columns of an answer without rows, as a Native block. Nothing of it is an error: the answer would then be what chDB
 * gave, no bytes.
 */
async function describeAnswer(
  connection: EngineConnection,
  { firstWord, format, end }: PlainStatement,
  text: string,
): Promise<Uint8Array> {
  const nothing = new Uint8Array();
  if (!isReading(firstWord)) return nothing;
  const query = decodeUtf8(
    format === undefined ? text.slice(0, end) : text.slice(0, format.start) + text.slice(format.end, end),
  );
  // DESCRIBE costs no run of the query, but takes a SELECT only; SHOW and its kind are cheap to run again.
  try {
    if (!isSelect(firstWord))
      return emptyBlock(readColumns((await connection.run(query, "RowBinaryWithNamesAndTypes")).bytes));
    const { bytes } = await connection.run(`DESCRIBE (${query}\n)`, "JSONCompactEachRow");
    const rows = Buffer.from(bytes).toString("utf8").split("\n").filter(Boolean);
    return emptyBlock(
      rows.map((row) => {
        const [name = "", type = ""] = JSON.parse(row) as readonly string[];
        return { name, type };
      }),
    );
  } catch {
    return nothing;
  }
}

function isSelect(firstWord: string): boolean {
  return firstWord === "SELECT" || firstWord === "WITH";
}

function laneOf(statement: RunStatementOptions["statement"]): Lane {
  if (statement.kind === "insert-data") return "write";
  if (statement.firstWord === "KILL") return "control";
  return isReading(statement.firstWord) ? "read" : "write";
}

function sqlOf({ statement, text, dataPath }: RunStatementOptions): string {
  if (statement.kind === "plain") {
    const own = text.slice(0, statement.end);
    return decodeUtf8(statement.firstWord === "KILL" ? withClientQueryIds(own) : own);
  }
  const { settingsStart, formatStart, format } = statement;
  return [
    decodeUtf8(text.slice(0, settingsStart)),
    `FROM INFILE ${quoteString(dataPath)} COMPRESSION 'none'`,
    decodeUtf8(text.slice(settingsStart, formatStart)),
    `FORMAT ${format}`,
  ].join("\n");
}

/** The addon takes statements as strings, so bytes that are not UTF-8 could not reach the engine unchanged. */
function decodeUtf8(latin1: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, "latin1"));
  } catch (error) {
    throw new EngineError({ code: 62, name: "SYNTAX_ERROR", detail: "The statement is not valid UTF-8", cause: error });
  }
}

function cancelledError(): EngineError {
  return new EngineError({ code: 394, name: "QUERY_WAS_CANCELLED", detail: "The client closed the connection" });
}
