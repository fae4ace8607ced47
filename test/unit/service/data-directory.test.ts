import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  dataDirectory,
  ensureToken,
  readEndpoints,
  readToken,
  removeEndpoints,
  writeEndpoints,
} from "../../../src/service/data-directory.ts";

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
