import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  dataDirectory,
  ensureHashKey,
  ensureToken,
  readEndpoints,
  readToken,
  removeEndpoints,
  writeEndpoints,
} from "../../../src/service/data-directory.ts";
import { prepareDataDirectory } from "../../../src/service/prepare-data-directory.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tollgate-data-"));
});
afterEach(() => rmSync(root, { recursive: true }));

it("makes a token once, for its owner's eyes only", () => {
  const data = dataDirectory(join(root, "deep", "er"));
  expect(readToken(data)).toBeUndefined();
  const first = ensureToken(data);
  expect(first).toMatchObject({ isNew: true, token: expect.stringMatching(/^tg_[\w-]{32}$/) });
  expect(ensureToken(data)).toEqual({ token: first.token, isNew: false });
  expect(statSync(data.token).mode & 0o777).toBe(0o600);
});

it("tells the command line where the processor is, and no more once it stopped", () => {
  const data = dataDirectory(root);
  const endpoints = {
    otlp_http: "http://127.0.0.1:1",
    otlp_grpc: null,
    api: "http://127.0.0.1:2",
    clickhouse: "http://127.0.0.1:3",
    pid: 4,
    database: "tollgate",
    readonly_username: "readonly",
    readonly_password: "x",
  };
  writeEndpoints(data, endpoints);
  expect(readEndpoints(data)).toEqual(endpoints);
  expect(statSync(data.endpoints).mode & 0o777).toBe(0o600);
  removeEndpoints(data);
  expect(readEndpoints(data)).toBeUndefined();
});

it("ignores an endpoints file of another form", () => {
  const data = dataDirectory(root);
  for (const text of ["{", "[]", '{"api": 1}']) {
    writeFileSync(data.endpoints, text);
    expect(readEndpoints(data)).toBeUndefined();
  }
  expect(readFileSync(data.endpoints, "utf8")).toBe('{"api": 1}');
});

it("makes no other token or key where there is one that can't be read, or a key that is empty", () => {
  const data = dataDirectory(root);
  // Whoever runs the tests may read any file.
  mkdirSync(data.token);
  mkdirSync(data.hashKey);
  expect(() => ensureToken(data)).toThrow(`cannot read ${data.token}`);
  expect(() => ensureHashKey(data)).toThrow(`cannot read ${data.hashKey}`);
  rmSync(data.hashKey, { recursive: true });
  writeFileSync(data.hashKey, "");
  expect(() => ensureHashKey(data)).toThrow("is empty: restore it, or remove it");
  rmSync(data.hashKey);
  const key = ensureHashKey(data);
  expect(ensureHashKey(data)).toBe(key);
});

it("is made with all above it, and looked at without leaving anything", () => {
  const data = dataDirectory(join(root, "deep", "er"));
  prepareDataDirectory(data);
  prepareDataDirectory(data);
  expect(readdirSync(data.root)).toEqual([]);
});

it.each([
  ["a file", (path: string) => writeFileSync(path, ""), "", "is no directory"],
  ["below a file", (path: string) => writeFileSync(path, ""), "a/b", "is no directory"],
  ["a link to nothing", (path: string) => symlinkSync("/nowhere/at/all", path), "", "there is a link to nothing"],
  ["too long", () => undefined, "x".repeat(240).concat("/", "y".repeat(240)), "and 480 are the most"],
  ["with a backslash", () => undefined, "a\\b", "no path with a backslash"],
])("one that is %s is refused with what to do", (_name, make, below, expected) => {
  const path = join(root, "data");
  make(path);
  expect(() => prepareDataDirectory(dataDirectory(join(path, below)))).toThrow(
    new RegExp(`^[^\\n]*/data[^\\n]*: the data directory can't be used: [^\\n]*${expected}[^\\n]*; or choose another`),
  );
});

// Node's own recursive call never returns there.
it.skipIf(process.platform !== "linux")("one where nobody can make any is refused at once", () => {
  expect(() => prepareDataDirectory(dataDirectory("/proc/tollgate/data"))).toThrow("nobody can make anything there");
});

it("names everything in it that is in the way", () => {
  const data = dataDirectory(root);
  writeFileSync(join(root, "kill"), "");
  writeFileSync(join(root, "audit"), "");
  expect(() => prepareDataDirectory(data)).toThrow(
    `${join(root, "kill")}: is no directory: move it away\n${join(root, "audit")}: is no directory: move it away`,
  );
});
