import { expect, it } from "vitest";
import { grpcStatusOf, httpStatusOf } from "../../../src/component/outcome-status.ts";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";

it.each<[string, Outcome, object, object]>([
  ["success", SUCCESS, { status: 200 }, { code: 0 }],
  ["partial success", { kind: "success", rejected: [{ reason: "r", count: 1 }] }, { status: 200 }, { code: 0 }],
  [
    "retryable",
    { kind: "retryable", reason: "r" },
    { status: 503, retryAfterSeconds: 1 },
    { code: 14, retryDelayMs: 1_000 },
  ],
  [
    "retryable, with a time",
    { kind: "retryable", reason: "r", retryAfterMs: 2_500 },
    { status: 503, retryAfterSeconds: 3 },
    { code: 14, retryDelayMs: 2_500 },
  ],
  ["permanent", { kind: "permanent", reason: "r" }, { status: 400 }, { code: 3 }],
])("says %s over HTTP and over gRPC", (_name, outcome, http, grpc) => {
  expect(httpStatusOf(outcome)).toEqual({ retryAfterSeconds: undefined, ...http });
  expect(grpcStatusOf(outcome)).toEqual({ retryDelayMs: undefined, ...grpc });
});
