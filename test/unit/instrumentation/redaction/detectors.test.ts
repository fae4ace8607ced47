import { describe, expect, it } from "vitest";
import {
  DETECTOR_NAMES,
  type DetectorName,
  DETECTORS,
  type Finding,
} from "../../../../instrumentation/src/redaction/detectors.ts";
import { patternDetector } from "../../../../instrumentation/src/redaction/pattern.ts";

function found(name: DetectorName, text: string): string[] {
  const findings: Finding[] = [];
  DETECTORS[name].find(text, findings);
  return findings.map(({ start, end }) => text.slice(start, end));
}

/** Put together here, so that no scanner of repositories takes this file for a leak. */
const key = (...parts: readonly string[]): string => parts.join("");
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

const SECRETS: readonly (readonly [what: string, secret: string])[] = [
  ["OpenAI", key("sk-", "proj-", LETTERS.slice(0, 48))],
  ["OpenAI, old", key("sk-", LETTERS.slice(0, 48))],
  ["Anthropic", key("sk-ant-", "api03-", LETTERS.slice(0, 60))],
  ["AWS", key("AKIA", "IOSFODNN7EXAMPLE")],
  ["GitHub", key("ghp_", LETTERS.slice(0, 36))],
  ["GitHub, fine-grained", key("github_pat_", LETTERS.slice(0, 40))],
  ["Slack", key("xoxb-", "123456789012-", LETTERS.slice(0, 24))],
  ["Google", key("AIza", LETTERS.slice(0, 35))],
  ["Stripe", key("sk_live_", LETTERS.slice(0, 24))],
  ["Hugging Face", key("hf_", LETTERS.slice(0, 34))],
  ["JWT", key("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0", ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9")],
  ["PEM", key("-----BEGIN RSA ", "PRIVATE KEY-----\nMIIEow==\n-----END RSA ", "PRIVATE KEY-----")],
  ["URL", key("admin:", "hunter2hunter2")],
];

describe("the secrets detector", () => {
  it.each(SECRETS)("finds a credential of the kind %s", (what, secret) => {
    const text = what === "URL" ? `postgres://${secret}@db.internal/app` : `the key is ${secret}, keep it`;
    expect(found("secrets", text)).toEqual([secret]);
  });

  it.each([
    ['Authorization: "Basic dXNlcjpwYXNzd29yZA=="', 1],
    ["api_key=4f9c2b7d8e1a", 1],
    ["Bearer abcdefghijklmnop.qrstuv", 1],
    ["asked for 200 max_tokens: 4096 of gpt-4o, task-force-learning-something-new", 0],
    ["chatcmpl-71b016ad92997be1321d6e7e msg_40c3632207811f36a770bb86 toolu_01A09q90qw90lq917835lq9", 0],
    ["https://api.openai.com:443/v1/chat/completions", 0],
  ])("in %s finds %i", (text, count) => {
    expect(found("secrets", text)).toHaveLength(count);
  });
});

describe("the other detectors", () => {
  it.each<readonly [DetectorName, string, readonly string[]]>([
    [
      "email",
      "mail alice.o'neil+x@sub.example.co.uk, or bob@example.com.",
      ["alice.o'neil+x@sub.example.co.uk", "bob@example.com"],
    ],
    ["email", "jürgen@bücher.example and @mention, a@b, x@y.z", ["jürgen@bücher.example"]],
    [
      "credit_card",
      "4242 4242 4242 4242 or 4242424242424242, 378282246310005",
      ["4242 4242 4242 4242", "4242424242424242", "378282246310005"],
    ],
    ["credit_card", "order 42 4242-4242-4242-4242 7", ["42 4242-4242-4242-4242", "4242-4242-4242-4242"]],
    ["credit_card", "4242 4242 4242 4241, 0000 0000 0000 0000, 1795000000000000000, 33333333333333333", []],
    [
      "iban",
      "to GB82 WEST 1234 5698 7654 32 PLEASE, DE89370400440532013000",
      ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"],
    ],
    ["iban", "GB82 WEST 1234 5698 7654 33, AB12 3456", []],
    [
      "ip",
      "from 10.0.0.7:443, fe80::1ff:fe23:4567:890a and 2001:db8::1.",
      ["10.0.0.7", "fe80::1ff:fe23:4567:890a", "2001:db8::1"],
    ],
    ["ip", "std::vector at 12:30:45, v1.2.3, 999.1.1.1, 1.2.3.4.5", []],
    ["phone", "+49 30 1234567, (415) 555-0132, 415-555-0132", ["+49 30 1234567", "(415) 555-0132", "415-555-0132"]],
    ["phone", "1795000000000, 2026-11-21, 12345, +1", []],
  ])("%s in %s", (name, text, expected) => {
    expect(found(name, text)).toEqual(expected);
  });
});

/**
 * Goal: no text makes a detector slow. Method: text that is hostile to backtracking, at one length and at 32 times that:
 * what is linear takes about 32 times as long, what is quadratic 1024 times; 180 leaves room for noise on both sides.
 */
describe("hostile text", () => {
  const UNITS = [
    "a",
    "@",
    "a@",
    "a@a.",
    "1",
    "1 ",
    "1.",
    "1-",
    ":",
    "::1",
    "eyJaaaaaaaa",
    "eyJaaaaaaaa.",
    "-eyJaaaaaaaa",
    "sk-",
    "sk-aaaaaaaaaa ",
    "-----BEGIN PRIVATE KEY-----",
    "aws secret ",
    "aws",
    "bearer ",
    "a:a@",
    "://a:",
    "://",
    "GB82",
    "GB82 ",
    "+1 ",
    "(415) ",
    "api_key=",
    "SG.aaaaaaaaaaaaaaaa.",
    "authorization: basic ",
    "4242 4242 ",
    "ghp_aaaa",
  ];
  const detectors = [
    ...DETECTOR_NAMES.map((name) => [name, DETECTORS[name]] as const),
    ["a pattern of the configuration", patternDetector("evil", "(a+)+b|(\\w+\\s?)*!$")] as const,
  ];
  const elapsed = (detector: (typeof DETECTORS)[DetectorName], text: string): number => {
    const before = process.cpuUsage();
    detector.find(text, []);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };

  it.each(detectors)("does not slow down %s", (_name, detector) => {
    for (const unit of UNITS) {
      const small = unit.repeat(Math.ceil(4_000 / unit.length));
      elapsed(detector, small);
      const base = Math.max(500, Math.min(elapsed(detector, small), elapsed(detector, small)));
      expect(elapsed(detector, small.repeat(32)), `${JSON.stringify(unit)} repeated`).toBeLessThan(base * 180);
    }
  });
});
