import { expect, test } from "vitest";
import { READER_DEFAULTS } from "../../../../src/storage/embedded/limits.ts";
import type { QueryMark } from "../../../../src/storage/embedded/query-mark.ts";
import { preparingStatements, readParameters } from "../../../../src/storage/embedded/request-parameters.ts";

function read(query: string): ReturnType<typeof readParameters> {
  return readParameters(new URL(`http://engine/?${query}`), {});
}

const DEFAULTS = READER_DEFAULTS.map(([name, value]) => `${name} = '${value}'`).join(", ");

const mark: QueryMark = { setting: "log_comment", value: "mark" };

function prepared(query: string, isReader = false): readonly string[] {
  return preparingStatements(read(query), { mark, isReader });
}

test("settings and parameters become quoted SET pairs, and HTTP's own are left out", () => {
  const query =
    "database=a%60b&max_threads=2&param_x=it%27s%5C&default_format=JSON&compress=1&user=u&readonly=0&client_protocol_version=54460";
  expect(prepared(query)).toEqual([
    "USE `a\\`b`",
    "SET max_threads = '2', param_x = 'it\\'s\\\\', log_comment = 'mark'",
  ]);
  expect(read(query)).toMatchObject({
    defaultFormat: "JSON",
    isReadOnly: false,
    packAnswer: true,
    unpackBody: false,
    clientRevision: 54_460,
  });
});

test("with nothing to set there is the mark only", () => {
  expect(prepared("query=SELECT+1")).toEqual(["SET log_comment = 'mark'"]);
});

test.each([
  ["max_execution_time=65", "60"],
  ["max_execution_time=0", "60"],
  ["max_execution_time=0.2", "1"],
  ["max_execution_time=12.5", "12.5"],
  ["max_memory_usage=1000", "1000"],
  ["max_memory_usage=99999999999", "2000000000"],
  ["max_memory_usage=-1", "-1"],
  ["max_threads=65", "65"],
])("a reader's %s is set as %s, under the readers' profile", (query, value) => {
  const name = query.slice(0, query.indexOf("="));
  expect(prepared(query, true)).toEqual([
    "SET profile = 'tollgate_reader'",
    `SET ${DEFAULTS}, ${name} = '${value}', log_comment = 'mark'`,
  ]);
  expect(prepared(query)[0]).not.toContain("profile");
});

test("a reader can't choose a profile", () => {
  expect(() => prepared("profile=default", true)).toThrow("READONLY");
});

test("what describes an external table of the request is no setting", () => {
  const url = new URL("http://engine/?ids_structure=a+UInt8&ids_format=Native&other_format=x");
  expect(readParameters(url, {}, ["ids"]).settings).toEqual([["other_format", "x"]]);
});

test("readonly can be switched on", () => {
  expect(read("readonly=1").isReadOnly).toBe(true);
});

test.each(["a-b=1", "1a=1", "a%20b=1", "a%3D1%2Cb=1", "=1"])("%s is not a setting", (query) => {
  expect(() => read(query)).toThrow("UNKNOWN_SETTING");
});

test("a session has its time-out, and none that is malformed or too long", () => {
  expect(read("session_id=s").session).toEqual({ id: "s", timeoutSeconds: 60, mustExist: false, closesAfter: false });
  const all = "session_id=s&session_timeout=5&session_check=1&close_session=1";
  expect(read(all).session).toEqual({ id: "s", timeoutSeconds: 5, mustExist: true, closesAfter: true });
  expect(read("session_id=").session).toBeUndefined();
  expect(() => read("session_id=s&session_timeout=3601")).toThrow("INVALID_SESSION_TIMEOUT");
  expect(() => read("session_id=s&session_timeout=-1")).toThrow("INVALID_SESSION_TIMEOUT");
});

test("a format must be a name", () => {
  expect(() => read("default_format=JSON%27")).toThrow("UNKNOWN_FORMAT");
});
