import { describe, expect, it } from "vitest";
import { RpcCode, encodeResponse, encodeStatus } from "../../../../src/pdata/otlp/responses.ts";
import { encode } from "../../../fixtures/otlp/protobuf-encoder.ts";

const rejectedKey = "rejectedSpans";
const rejected = [
  { reason: "bad id", count: 200 },
  { reason: "bad time", count: 1 },
];

describe("the response to an export", () => {
  it("is empty when nothing was rejected", () => {
    expect(encodeResponse({ rejected: [], rejectedKey, encoding: "protobuf" })).toHaveLength(0);
    expect(encodeResponse({ rejected: [], rejectedKey, encoding: "json" }).toString()).toBe("{}");
  });

  it("says how many spans were rejected, and why", () => {
    const message = "200 rejected: bad id; 1 rejected: bad time";
    expect(JSON.parse(encodeResponse({ rejected, rejectedKey, encoding: "json" }).toString())).toEqual({
      partialSuccess: { rejectedSpans: "201", errorMessage: message },
    });
    const inner = Buffer.concat([Buffer.from([0x08, 0xc9, 0x01, 0x12, message.length]), Buffer.from(message)]);
    const whole = Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
    expect(encodeResponse({ rejected, rejectedKey, encoding: "protobuf" })).toEqual(whole);
  });
});

describe("google.rpc.Status", () => {
  it("says when to come back, as a RetryInfo", () => {
    const status = { code: RpcCode.unavailable, message: "full", retryDelayMs: 2_500 };
    const duration = Buffer.from("08021080cab5ee01", "hex");
    const retryInfo = encode([
      [1, "type.googleapis.com/google.rpc.RetryInfo"],
      [2, encode([[1, duration]])],
    ]);
    expect(encodeStatus(status, "protobuf")).toEqual(
      encode([
        [1, 14, "varint"],
        [2, "full"],
        [3, retryInfo],
      ]),
    );
  });

  it("says what is wrong with the data, as a BadRequest", () => {
    const status = { code: RpcCode.invalidArgument, message: "no", isBadRequest: true };
    const type = "type.googleapis.com/google.rpc.BadRequest";
    const violation = encode([[2, "no"]]);
    const detail = encode([
      [1, type],
      [2, encode([[1, violation]])],
    ]);
    expect(encodeStatus(status, "protobuf")).toEqual(
      encode([
        [1, 3, "varint"],
        [2, "no"],
        [3, detail],
      ]),
    );
    expect(JSON.parse(encodeStatus(status, "json").toString())).toEqual({
      code: 3,
      message: "no",
      details: [{ "@type": type, fieldViolations: [{ description: "no" }] }],
    });
  });

  it("has a code and a message in both encodings", () => {
    const status = { code: RpcCode.unavailable, message: "full" };
    expect(encodeStatus(status, "protobuf").toString("hex")).toBe("080e120466756c6c");
    expect(JSON.parse(encodeStatus(status, "json").toString())).toEqual({ code: 14, message: "full" });
  });
});
