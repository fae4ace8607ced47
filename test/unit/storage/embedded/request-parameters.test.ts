import { expect, test } from "vitest";
import { preparingStatements, readParameters } from "../../../../src/storage/embedded/request-parameters.ts";

function read(query: string): ReturnType<typeof readParameters> {
  return readParameters(new URL(`http://engine/?${query}`), {});
}

test("settings and parameters become quoted SET pairs, and HTTP's own are left out", () => {
  const parameters = read(
    "database=a%60b&max_threads=2&param_x=it%27s%5C&default_format=JSON&compress=0&user=u&readonly=0",
  );
  expect(preparingStatements(parameters, "mark")).toEqual([
    "USE `a\\`b`",
    "SET log_comment = 'mark', max_threads = '2', param_x = 'it\\'s\\\\'",
  ]);
  expect(parameters).toMatchObject({ defaultFormat: "JSON", isReadOnly: false });
});

test("with nothing to set there is the mark only", () => {
  expect(preparingStatements(read("query=SELECT+1"), "mark")).toEqual(["SET log_comment = 'mark'"]);
});

test("readonly can be switched on", () => {
  expect(read("readonly=1").isReadOnly).toBe(true);
});

test.each(["a-b=1", "1a=1", "a%20b=1", "a%3D1%2Cb=1", "=1"])("%s is not a setting", (query) => {
  expect(() => read(query)).toThrow("UNKNOWN_SETTING");
});

test.each(["session_id=s", "compress=1", "decompress=1"])("%s is refused by name", (query) => {
  expect(() => read(query)).toThrow("NOT_IMPLEMENTED");
});

test("a format must be a name", () => {
  expect(() => read("default_format=JSON%27")).toThrow("UNKNOWN_FORMAT");
});
