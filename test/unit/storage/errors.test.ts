import { ClickHouseError } from "@clickhouse/client";
import { expect, test } from "vitest";
import { toStorageError } from "../../../src/storage/errors.ts";

test.each([
  ["252", "retryable"],
  ["241", "retryable"],
  ["202", "retryable"],
  ["159", "retryable"],
  ["62", "permanent"],
  ["53", "permanent"],
  ["60", "permanent"],
  ["516", "permanent"],
  ["999999", "permanent"],
] as const)("ClickHouse's code %s is %s", (code, kind) => {
  expect(toStorageError(new ClickHouseError({ message: "m", code, type: "T" }))).toMatchObject({
    kind,
    code: Number(code),
    type: "T",
  });
});

test("no answer at all is retryable, with Node's name for it", () => {
  const error = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  expect(toStorageError(error)).toMatchObject({ kind: "retryable", type: "ECONNREFUSED", code: undefined });
  expect(toStorageError(new Error("Timeout error."))).toMatchObject({ kind: "retryable", type: "NETWORK" });
});

test("what the caller gave up is aborted, whatever was thrown", () => {
  expect(toStorageError(new Error("x"), AbortSignal.abort())).toMatchObject({ kind: "aborted" });
});
