/** Runs one statement on a connection of its own, and cancels it when its client goes away. */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Connections } from "./connections.ts";
import { EngineError } from "./engine-error.ts";
import type { EngineAnswer } from "./library.ts";
import { preparingStatements, quoteString, type RequestParameters } from "./request-parameters.ts";
import { requireReadOnly, type Statement } from "./statement.ts";

/** The engine's answer with the format its bytes are in. */
export interface StatementAnswer extends EngineAnswer {
  readonly format: string;
  readonly isInsert: boolean;
}

export interface RunStatementOptions {
  readonly connections: Connections;
  readonly connectionArgs: readonly string[];
  readonly statement: Exclude<Statement, { kind: "empty" }>;
  /** The statement's bytes as latin1. */
  readonly text: string;
  readonly parameters: RequestParameters;
  readonly dataPath: string;
  readonly isReadOnly: boolean;
  readonly response: ServerResponse;
}

/** @throws EngineError, or the engine's own error */
export async function runStatement(options: RunStatementOptions): Promise<StatementAnswer> {
  const { connections, connectionArgs, statement, text, parameters, isReadOnly, response } = options;
  if (isReadOnly) requireReadOnly(text);
  const sql = sqlOf(options);
  const format =
    (statement.kind === "plain" ? statement.format : undefined) ?? parameters.defaultFormat ?? "TabSeparated";
  const isInsert = statement.kind === "insert-data" || statement.firstWord === "INSERT";
  const args = isReadOnly ? [...connectionArgs, "--readonly=2"] : connectionArgs;

  return connections.use(args, async (connection) => {
    if (response.destroyed) throw cancelledError();
    // chDB has no query id of our choosing; the comment is how the query is found again.
    const mark = randomUUID();
    for (const preparing of preparingStatements(parameters, mark)) await connection.run(preparing, "Null");
    const cancel = (): void => {
      if (response.writableFinished) return;
      // A cancel that fails leaves the query to its max_execution_time.
      connections
        .control(connectionArgs, `KILL QUERY WHERE Settings['log_comment'] = '${mark}'`)
        .catch(() => undefined);
    };
    response.once("close", cancel);
    try {
      return { ...(await connection.run(sql, format)), format, isInsert };
    } finally {
      response.off("close", cancel);
    }
  });
}

function sqlOf({ statement, text, dataPath }: RunStatementOptions): string {
  if (statement.kind === "plain") return decodeUtf8(text.slice(0, statement.end));
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
