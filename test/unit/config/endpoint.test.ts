import { describe, expect, it } from "vitest";
import { httpUrl, isLoopback, parseEndpoint } from "../../../src/config/endpoint.ts";

describe("parseEndpoint", () => {
  it.each([
    ["127.0.0.1:4318", { host: "127.0.0.1", port: 4318 }],
    ["[::1]:0", { host: "::1", port: 0 }],
    ["localhost:65535", { host: "localhost", port: 65_535 }],
  ])("reads %s", (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
  });

  it.each([
    "4318",
    ":4318",
    "127.0.0.1",
    "127.0.0.1:65536",
    "http://127.0.0.1:1",
    "[nonsense]:1",
    "::1:80",
    "a b:1",
    "",
  ])("refuses %j", (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });

  it("knows what only this machine can reach", () => {
    expect(["127.0.0.1", "127.9.9.9", "::1", "localhost"].every(isLoopback)).toBe(true);
    expect(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "my-host"].some(isLoopback)).toBe(false);
  });

  it("puts brackets around IPv6 in a URL", () => {
    expect(httpUrl({ host: "::1", port: 80 })).toBe("http://[::1]:80");
  });
});
