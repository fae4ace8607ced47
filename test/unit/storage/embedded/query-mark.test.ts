import { expect, test } from "vitest";
import { createMark, withClientQueryIds } from "../../../../src/storage/embedded/query-mark.ts";

test("a mark holds the client's query id and is never the same twice", () => {
  const first = createMark("q-1", []);
  expect(first).toMatchObject({ setting: "log_comment", value: expect.stringMatching(/^tollgate:[0-9a-f-]{36}:q-1$/) });
  expect(createMark("q-1", []).value).not.toBe(first.value);
});

test("a client's own log comment stays, and the mark goes elsewhere", () => {
  expect(createMark("q", [["log_comment", "mine"]]).setting).toBe("query_cache_tag");
});

test.each([
  ["KILL QUERY WHERE query_id = 'a'", "query_id = 'a'", " = 'a'", ""],
  ["kill query where query_id in ('a', 'b') SYNC", "query_id in ('a', 'b') ", " in ('a', 'b') ", "SYNC"],
  ["KILL QUERY WHERE query_id = {id:String} -- mine", "query_id = {id:String} -- mine", " = {id:String} -- mine", ""],
])("%j means the clients' ids as well", (text, own, rest, end) => {
  const where = text.slice(0, text.toUpperCase().indexOf("WHERE") + 5);
  const rewritten = withClientQueryIds(text);
  expect(rewritten.startsWith(`${where} ( ${own}\n) OR ( (if(startsWith(Settings['log_comment'], 'tollgate:')`)).toBe(
    true,
  );
  expect(rewritten.endsWith(`)${rest}\n) ${end}`)).toBe(true);
});

test.each([
  "KILL QUERY WHERE 1",
  "KILL QUERY WHERE user = 'query_id'",
  "KILL QUERY WHERE NOT query_id = 'a'",
  "KILL QUERY WHERE query_id != 'a'",
  "KILL QUERY WHERE query_id <> 'a'",
  "KILL QUERY WHERE user = 'x' AND query_id = 'a'",
  "KILL QUERY WHERE query_id = initial_query_id OR query_id = 'a'",
  "KILL MUTATION WHERE mutation_id = 'query_id'",
])("%j stays as it is", (text) => {
  expect(withClientQueryIds(text)).toBe(text);
});
