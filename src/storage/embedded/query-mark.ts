/**
 * How a running query is found again. chDB gives each query an id of its own making, so the client's `query_id` travels in
 * a setting, where `system.processes` shows it, together with an id that is unique for each request.
 */
import { randomUUID } from "node:crypto";
import { tokenise } from "./lexer.ts";

/** The setting and value that mark one request's query. */
export interface QueryMark {
  readonly setting: "log_comment" | "query_cache_tag";
  readonly value: string;
}

const PREFIX = "tollgate:";
const UUID_CHARS = 36;

/** A mark for a query of a client that calls it `queryId`. `log_comment` carries it, unless the client sets that itself. */
export function createMark(queryId: string, settings: readonly (readonly [name: string, value: string])[]): QueryMark {
  const hasComment = settings.some(([name]) => name === "log_comment");
  return {
    setting: hasComment ? "query_cache_tag" : "log_comment",
    value: `${PREFIX}${randomUUID()}:${queryId}`,
  };
}

/** The client's query id as an expression over `system.processes`; empty for a query without a mark. */
const CLIENT_QUERY_ID = ["log_comment", "query_cache_tag"]
  .map((name) => `Settings['${name}']`)
  .map((value) => `if(startsWith(${value}, '${PREFIX}'), substring(${value}, ${PREFIX.length + UUID_CHARS + 2}), '')`)
  .join(" || ");

/**
 * A `KILL QUERY WHERE query_id …` (`=`, `IN`) that means the clients' ids as well as the engine's own. Any other
 * condition stays as it is: in one with NOT or AND the two readings can't both be meant.
 */
export function withClientQueryIds(text: string): string {
  let conditionStart = -1;
  let conditionEnd = text.length;
  const ids: { readonly start: number; readonly end: number }[] = [];
  for (const token of tokenise(text)) {
    if (conditionStart < 0) {
      if (token.text === "WHERE") conditionStart = token.end;
      continue;
    }
    if (["SYNC", "ASYNC", "TEST", "FORMAT", "SETTINGS"].includes(token.text)) {
      conditionEnd = token.start;
      break;
    }
    if (["NOT", "AND", "OR", "!", "<", ">"].includes(token.text)) return text;
    if (token.text === "QUERY_ID") ids.push(token);
  }
  const [id] = ids;
  if (id === undefined || ids.length > 1) return text;
  const condition = text.slice(conditionStart, conditionEnd);
  const byClient = `${text.slice(conditionStart, id.start)}(${CLIENT_QUERY_ID})${text.slice(id.end, conditionEnd)}`;
  // The newlines end a comment that may stand at the end of the condition.
  return `${text.slice(0, conditionStart)} (${condition}\n) OR (${byClient}\n) ${text.slice(conditionEnd)}`;
}
