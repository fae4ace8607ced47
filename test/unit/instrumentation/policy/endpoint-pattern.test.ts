import { describe, expect, it } from "vitest";
import { parseEndpointPattern } from "../../../../instrumentation/src/policy/endpoint-pattern.ts";

const matches = (pattern: string, url: string, method = "POST"): boolean => {
  const parsed = parseEndpointPattern(pattern);
  if (parsed === undefined) throw new Error(`\`${pattern}\` is no pattern`);
  return parsed.matches(method, new URL(url));
};

describe("a pattern of endpoints", () => {
  it.each([
    ["api.example.com", "https://api.example.com/v1/x"],
    ["API.Example.com", "https://api.example.com/"],
    ["*.example.com", "https://a.b.example.com/"],
    ["https://api.example.com/v1", "https://api.example.com/v1/x"],
    ["api.example.com/v1/*", "https://api.example.com/v1/x"],
    ["127.0.0.1:8080", "http://127.0.0.1:8080/"],
    ["[::1]:8080", "http://[::1]:8080/"],
    ["api.example.com:*", "http://api.example.com:1234/"],
    ["POST api.example.com", "https://api.example.com/"],
  ])("%s lets %s pass", (pattern, url) => {
    expect(matches(pattern, url)).toBe(true);
  });

  it.each([
    ["api.example.com", "https://api.example.com.evil.test/"],
    ["api.example.com", "https://evil-api.example.com/"],
    ["api.example.com", "https://api.example.com@evil.test/"],
    ["api.example.com", "https://api.example.com:8443/"],
    ["*.example.com", "https://example.com/"],
    ["api.example.com/v1", "https://api.example.com/v10"],
    ["api.example.com/v1/*", "https://api.example.com/v1/../admin"],
    ["https://api.example.com", "http://api.example.com/"],
    ["GET api.example.com", "https://api.example.com/"],
    ["api.example.com/Admin", "https://api.example.com/admin"],
  ])("%s does not let %s pass", (pattern, url) => {
    expect(matches(pattern, url)).toBe(false);
  });

  it.each(["", "https://", "a b", "ftp://x", "host:99999", "post api.example.com", "exa mple.com"])(
    "`%s` is none",
    (text) => {
      expect(parseEndpointPattern(text)).toBeUndefined();
    },
  );
});
