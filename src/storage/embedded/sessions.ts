/**
 * HTTP sessions (`session_id`): a connection that stays open between requests, so that SET, USE and temporary tables last.
 * What a request sets for itself, by URL, must not: it is taken back after each. One request at a time, as in ClickHouse.
 * Values of `param_*` can't be taken back, chDB knows no way; a later request of the session may see them.
 * @see https://clickhouse.com/docs/interfaces/http#using-clickhouse-sessions-in-the-http-protocol
 */
import { EngineError } from "./engine-error.ts";
import type { EngineConnection, EngineLibrary } from "./library.ts";
import { quoteIdentifier, quoteString } from "./quoting.ts";

/** Open sessions, whoever's; each holds a connection and its temporary tables. */
const SESSIONS_MAX = 64;

/** What a request says of its session. */
export interface SessionParameters {
  readonly id: string;
  readonly timeoutSeconds: number;
  /** It must be there already. */
  readonly mustExist: boolean;
  readonly closesAfter: boolean;
}

/** A session while one request has it. */
export interface HeldSession {
  readonly connection: EngineConnection;
  /** Lets the next request have it, or closes it: when the request said so, or `isSpoilt`. */
  release(isSpoilt: boolean): void;
}

interface Session {
  readonly connection: EngineConnection;
  isHeld: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** The open sessions by user and id. */
export class Sessions {
  readonly #library: EngineLibrary;
  readonly #open = new Map<string, Session>();

  constructor(library: EngineLibrary) {
    this.#library = library;
  }

  /** @throws EngineError SESSION_NOT_FOUND, SESSION_IS_LOCKED, or TOO_MANY_SIMULTANEOUS_QUERIES when there are too many */
  take(user: string, parameters: SessionParameters, args: readonly string[]): HeldSession {
    const key = JSON.stringify([user, parameters.id]);
    const session = this.#open.get(key) ?? this.#create(key, parameters, args);
    if (session.isHeld) {
      const detail = `Session ${parameters.id} is locked by a concurrent client`;
      throw new EngineError({ code: 373, name: "SESSION_IS_LOCKED", detail });
    }
    session.isHeld = true;
    clearTimeout(session.timer);
    return {
      connection: session.connection,
      release: (isSpoilt) => {
        session.isHeld = false;
        const close = (): void => {
          this.#open.delete(key);
          session.connection.close();
        };
        if (isSpoilt || parameters.closesAfter) close();
        else session.timer = setTimeout(close, parameters.timeoutSeconds * 1000);
      },
    };
  }

  #create(key: string, { id, mustExist }: SessionParameters, args: readonly string[]): Session {
    if (mustExist) {
      throw new EngineError({ code: 372, name: "SESSION_NOT_FOUND", detail: `Session ${id} not found` });
    }
    if (this.#open.size >= SESSIONS_MAX) {
      const detail = `Too many sessions: ${SESSIONS_MAX} are open`;
      throw new EngineError({ code: 202, name: "TOO_MANY_SIMULTANEOUS_QUERIES", detail });
    }
    const session: Session = { connection: this.#library.open(args), isHeld: false, timer: undefined };
    this.#open.set(key, session);
    return session;
  }
}

/** What a session's connection was set to before a request. */
export interface SessionState {
  readonly database: string;
  readonly settings: readonly (readonly [name: string, value: string, isChanged: boolean])[];
}

/** Reads the current database and the settings of these names. */
export async function readSessionState(connection: EngineConnection, names: readonly string[]): Promise<SessionState> {
  const list = names.map(quoteString).join(", ");
  const sql = `SELECT currentDatabase() AS name, '' AS value, toUInt8(2) AS changed
UNION ALL SELECT name, value, changed FROM system.settings WHERE name IN (${list})`;
  const { bytes } = await connection.run(sql, "JSONCompactEachRow");
  const lines = Buffer.from(bytes).toString("utf8").split("\n").filter(Boolean);
  const rows = lines.map((line) => JSON.parse(line) as [name: string, value: string, changed: number]);
  return {
    database: rows.find(([, , changed]) => changed === 2)?.[0] ?? "default",
    settings: rows
      .filter(([, , changed]) => changed !== 2)
      .map(([name, value, changed]) => [name, value, changed === 1]),
  };
}

/** The statements that put `state` in force again, but for what `keeps` says that the request itself is about. */
export function restoringStatements(state: SessionState, keeps: (word: string) => boolean): readonly string[] {
  const settings = state.settings.filter(([name]) => !keeps(name.toUpperCase()));
  return [
    ...settings.map(([name, value, isChanged]) => `SET ${name} = ${isChanged ? quoteString(value) : "DEFAULT"}`),
    ...(keeps("USE") ? [] : [`USE ${quoteIdentifier(state.database)}`]),
  ];
}
