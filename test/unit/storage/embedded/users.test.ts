import { expect, test } from "vitest";
import { authenticate } from "../../../../src/storage/embedded/users.ts";

const USERS = [
  { name: "default", isReadOnly: true },
  { name: "admin", password: "s3cret" },
];
const URL_PLAIN = new URL("http://engine/");

test.each(["127.0.0.1:8123", "[::1]:8123", "localhost:8123", "LOCALHOST", "tollgate.localhost", "10.0.0.7", ""])(
  "a user without a password is served as %j",
  (host) => {
    expect(authenticate(USERS, URL_PLAIN, { host }).name).toBe("default");
  },
);

test.each(["evil.example:8123", "127.0.0.1.evil.example", "localhost.evil.example", "2130706433"])(
  "a page that gave its own name, %j, this machine's address gets nothing without a password",
  (host) => {
    expect(() => authenticate(USERS, URL_PLAIN, { host })).toThrow("AUTHENTICATION_FAILED");
    const withPassword = new URL("http://engine/?user=admin&password=s3cret");
    expect(authenticate(USERS, withPassword, { host }).name).toBe("admin");
  },
);

test("credentials come by Basic auth, by headers, and by the URL, in ClickHouse's order", () => {
  const basic = { authorization: `Basic ${Buffer.from("admin:s3cret").toString("base64")}` };
  expect(authenticate(USERS, URL_PLAIN, basic).name).toBe("admin");
  const keys = { "x-clickhouse-user": "admin", "x-clickhouse-key": "s3cret" };
  expect(authenticate(USERS, URL_PLAIN, keys).name).toBe("admin");
  expect(authenticate(USERS, new URL("http://engine/?user=admin&password=s3cret"), {}).name).toBe("admin");
  expect(() => authenticate(USERS, new URL("http://engine/?user=admin&password=s3cre"), {})).toThrow("516");
  expect(() => authenticate(USERS, URL_PLAIN, { ...keys, "x-clickhouse-key": "" })).toThrow("516");
});
