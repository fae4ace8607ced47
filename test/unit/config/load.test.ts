import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspect } from "node:util";
import { loadFile } from "../../../src/config/load.ts";
import { ConfigInvalid, formatProblem } from "../../../src/config/problem.ts";
import { configSchema } from "../../../src/service/config-schema.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-config-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function load(text: string, environment: Record<string, string> = {}) {
  const file = join(directory, "tollgate.yaml");
  writeFileSync(file, text);
  return loadFile({ schema: configSchema, file, environment });
}

function problemsOf(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    if (error instanceof ConfigInvalid)
      return error.problems.map((problem) => formatProblem(problem).replace(`${directory}/`, ""));
    throw error;
  }
  return [];
}

describe("tollgate.yaml", () => {
  it("has a default for every key", () => {
    const { value } = load("");
    expect(value.api.endpoint).toBe("127.0.0.1:4320");
    expect(value.ledger).toEqual({ store: "local", name: "tollgate", lease_ttl_ms: 30_000, grace_ms: 900_000 });
    expect(value.governance).toEqual({
      paths: ["./governance"],
      require_policy: false,
      unknown_egress: "observe",
      watch: true,
      poll_interval_ms: 5_000,
    });
    expect(value).toEqual(loadFile({ schema: configSchema, file: undefined, environment: {} }).value);
  });

  it.each([
    ["storage: { clickhouse: { url: 'http://ada:secret@db:8123' } }", "storage.clickhouse.url"],
    ["exporters: { otlp_http/a: { endpoint: 'https://:secret@backend' } }", 'exporters["otlp_http/a"].endpoint'],
    [
      "service: { telemetry: { metrics: { otlp: { endpoint: 'http://ada@m' } } } }",
      "service.telemetry.metrics.otlp.endpoint",
    ],
  ])("takes no URL with credentials, which would be shown in logs, and does not repeat it: %s", (text, path) => {
    const [problem, ...others] = problemsOf(`${text}\n`);
    expect(others).toEqual([]);
    expect(problem).toContain(`${path}: a URL is shown in logs`);
    expect(problem).not.toContain("secret");
  });

  it.each(["http://db:8123/shop", "http://db:8123/?readonly=0", "http://db:8123/#x"])(
    "takes a ClickHouse server's URL, not what the client would read of it as a database or settings: %s",
    (url) => {
      expect(problemsOf(`storage: { clickhouse: { url: "${url}" } }`)).toEqual([
        expect.stringContaining("storage.clickhouse.url: expected nothing behind host and port"),
      ]);
    },
  );

  it.each(["clickhouse.internal", "", "http://", "ftp://db"])("says where a text stands that is no URL: %j", (url) => {
    expect(problemsOf(`storage: { clickhouse: { url: "${url}" } }`)).toEqual([
      "tollgate.yaml:1:26: storage.clickhouse.url: expected an http or https URL",
    ]);
  });

  it.each(["30", "-1", "thirty days"])("says how long times of retention are written: %s", (text) => {
    expect(problemsOf(`storage: { retention: { spans: ${text} } }`)).toEqual([
      expect.stringContaining("storage.retention.spans: expected `30d`, `12h` or `off`"),
    ]);
  });

  it("says what is wrong with a key, not only that it is", () => {
    expect(problemsOf('processors: { transform: { rules: [{ set: { tollgate.cost.usd: "1" } }] } }')).toEqual([
      expect.stringContaining("`tollgate.cost.usd` is what decisions, costs or usage stand on, and can't be set"),
    ]);
  });

  it("is frozen all the way down", () => {
    const { value } = load("");
    expect(Object.isFrozen(value)).toBe(true);
    expect(Object.isFrozen(value.governance.paths)).toBe(true);
  });

  it("lists every problem with file, line, column and path", () => {
    expect(
      problemsOf(
        [
          "api:",
          "  endpoint: 127.0.0.1",
          "  colour: red",
          "ledger: { lease_ttl_ms: 5abc, grace_ms: -1 }",
          "governence: {}",
          "storage:",
          "  embedded: {}",
          "  clickhouse: { url: 'ftp://x' }",
        ].join("\n"),
      ),
    ).toEqual([
      "tollgate.yaml:2:3: api.endpoint: expected `host:port` (`127.0.0.1:4318`, `[::1]:4318`; port 0 picks a free one)",
      "tollgate.yaml:3:3: api.colour: unknown key `colour` (known: endpoint, body_max_bytes)",
      "tollgate.yaml:4:11: ledger.lease_ttl_ms: expected number, received string",
      "tollgate.yaml:4:31: ledger.grace_ms: too small: expected number to be >=0",
      "tollgate.yaml:5:1: governence: unknown key `governence` (known: receivers, processors, exporters, extensions, api, storage, ledger, governance, approvals, auth, audit, service)",
      "tollgate.yaml:6:1: storage: choose one of `embedded` and `clickhouse`",
      "tollgate.yaml:8:17: storage.clickhouse.url: expected an http or https URL",
    ]);
  });

  it("refuses embedded and clickhouse at once", () => {
    expect(problemsOf("storage:\n  embedded: {}\n  clickhouse: { url: 'http://x:8123' }\n")).toEqual([
      "tollgate.yaml:1:1: storage: choose one of `embedded` and `clickhouse`",
    ]);
  });

  it.each([
    ["store: valkey", "`store: valkey` needs `url`"],
    ["store: valkey, url: http://x", "expected a URL like"],
    ["store: valkey, url: 'redis://me:hush@x'", "put the credentials into `username` and `password`"],
    ["url: redis://x", "are for `store: valkey`"],
    ["store: valkey, url: redis://x, name: '{a}'", "expected 1 to 64 letters"],
  ])("refuses a ledger of { %s }", (ledger, why) => {
    const problems = problemsOf(`ledger: { ${ledger} }\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(why);
    expect(problems[0]).not.toContain("hush");
  });

  it("says when the file is not there", () => {
    const file = join(directory, "none.yaml");
    expect(() => loadFile({ schema: configSchema, file, environment: {} })).toThrow(`${file}: no such file`);
  });

  it("refuses a file that is no mapping, or several documents", () => {
    expect(problemsOf("- 1\n")).toEqual(["tollgate.yaml:1:1: expected object, received array"]);
    expect(problemsOf("api: {}\n---\napi: {}\n")).toEqual(["tollgate.yaml:3:1: expected one document, not several"]);
  });

  it("never prints a secret, nor names it in a problem", () => {
    const { value } = load("auth: { agents: [{ agents: [a], key: '${env:K}' }] }\n", { K: "s3cret-s3cret-s3cret" });
    expect(value.auth?.agents[0]?.key.reveal()).toBe("s3cret-s3cret-s3cret");
    expect(JSON.stringify(value)).not.toContain("s3cret");
    expect(inspect(value, { depth: 10 })).not.toContain("s3cret");
    expect(`${String(value.auth?.agents[0]?.key)}`).toBe("[REDACTED]");
    expect(problemsOf("auth: { agents: [{ agents: [a], key: sh0rt }] }\n").join()).not.toContain("sh0rt");
  });

  it.each([
    "storage: { embedded: { readonly_password: '${env:UNSET:-}' } }",
    "storage: { embedded: { admin_password: '' } }",
    "auth: { people_token: '' }",
    "auth: { metrics_token: '' }",
  ])("does not take an empty text for what opens a door: %s", (text) => {
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^tollgate\.yaml:1:\d+: .*: expected at least one character$/),
    ]);
  });
});
