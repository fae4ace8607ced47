import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../../instrumentation/src/config/config.ts";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";
import { AGENT_SETTINGS, misspelt } from "../../../../instrumentation/src/config/misspelt.ts";
import { Secret } from "../../../../instrumentation/src/redaction/secret.ts";

describe("the settings of an agent process", () => {
  it("have defaults that expect no processor", () => {
    expect(readConfig({})).toMatchObject({
      agent: "agent",
      expectsProcessor: false,
      budget: undefined,
      failMode: undefined,
      content: "none",
      logLevel: "warn",
      exportsSpans: true,
      tracesUrl: "http://127.0.0.1:4318/v1/traces",
      problems: [],
    });
    expect(readConfig({}).endpoint?.href).toBe("http://127.0.0.1:4320/");
  });

  it("take agent and labels from OpenTelemetry's own variables", () => {
    const config = readConfig({
      OTEL_SERVICE_NAME: "checkout",
      OTEL_RESOURCE_ATTRIBUTES: "team=shop, region=eu%2Dwest",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/",
    });
    expect(config).toMatchObject({ agent: "checkout", labels: { team: "shop", region: "eu-west" } });
    expect(config.tracesUrl).toBe("http://collector:4318/v1/traces");
  });

  it.each([
    [{}, undefined],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }, undefined],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "grpc"],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf" }, undefined],
    [{ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json" }, "http/json"],
  ])("tell the protocol that is asked for and not spoken: %j", (env, protocol) => {
    expect(readConfig(env).otherProtocol).toBe(protocol);
  });

  it.each([
    ["TOLLGATE_ENDPOINT", "http://127.0.0.1:1"],
    ["TOLLGATE_API_KEY", "key"],
  ])("expect a processor when %s is set", (name, value) => {
    expect(readConfig({ [name]: value }).expectsProcessor).toBe(true);
  });

  it("try an exporter that nobody announced only for a moment, so that a script ends when its work does", () => {
    const unannounced = readConfig({}).exportTimeoutMs;
    for (const name of ["TOLLGATE_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]) {
      expect(readConfig({ [name]: "http://127.0.0.1:1" }).exportTimeoutMs).toBeGreaterThan(unannounced);
    }
    // Below the OTLP exporter's first pause between retries (0.8 s), so that it makes none.
    expect(unannounced).toBeLessThan(800);
  });

  it("know no processor and send no spans when the endpoint is off", () => {
    expect(readConfig({ TOLLGATE_ENDPOINT: "off" })).toMatchObject({ endpoint: undefined, exportsSpans: false });
    expect(readConfig({ TOLLGATE_ENDPOINT: "off", OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:1" }).exportsSpans).toBe(true);
  });

  it.each([
    ["TOLLGATE_BUDGET", "5abc"],
    ["TOLLGATE_BUDGET", "0"],
    ["TOLLGATE_BUDGET", "-1"],
    ["TOLLGATE_BUDGET", "NaN"],
    ["TOLLGATE_BUDGET", "Infinity"],
    ["TOLLGATE_ENDPOINT", "ftp://x"],
    ["TOLLGATE_FAIL_MODE", "ajar"],
    ["TOLLGATE_CONTENT", "some"],
    ["TOLLGATE_RESERVE", "loosely"],
    ["TOLLGATE_WAIT_MS", "2s"],
    ["TOLLGATE_WAIT_MS", "600001"],
    ["TOLLGATE_LOG", "loud"],
  ])("name variable and value of what is wrong: %s=%s", (name, value) => {
    const { problems } = readConfig({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
    expect(problems[0]).toContain(value);
  });

  it("list every problem at once", () => {
    expect(
      readConfig({ TOLLGATE_BUDGET: "x", TOLLGATE_LOG: "y", OTEL_RESOURCE_ATTRIBUTES: "z" }).problems,
    ).toHaveLength(3);
  });

  it.each(["a\nb", "ключ", "a\u0000b"])("refuse a key that no header can hold, and never say it: %j", (key) => {
    const config = readConfig({ TOLLGATE_API_KEY: key, OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" });
    expect(config.problems).toHaveLength(1);
    expect(config.problems[0]).toMatch(/^TOLLGATE_API_KEY: /);
    expect(config.problems[0]).not.toContain(key);
    expect([...config.tracesHeaders.keys()]).toEqual([]);
  });

  it.each(["openai=http://a.example;mistral=http://b.example", "openai=http://a.example cohere=http://b.example"])(
    "refuse providers that are told apart by anything but commas: %s",
    (providers) => {
      expect(readConfig({ TOLLGATE_PROVIDERS: providers }).problems).toHaveLength(1);
    },
  );

  it("are those that the README names", async () => {
    const readme = await readFile(new URL("../../../../instrumentation/README.md", import.meta.url), "utf8");
    const rows = readme.split("\n").filter((line) => line.startsWith("| `TOLLGATE_"));
    const named = rows.flatMap((row) => {
      const [first = "", ...rest] = (row.split("|")[1] ?? "").match(/(?<=`)[A-Z_]+(?=`)/g) ?? [];
      return [
        first,
        ...rest.map((end) => (end.startsWith("_") ? first.slice(0, "TOLLGATE_CONTENT".length) + end : end)),
      ];
    });
    const own = AGENT_SETTINGS.map((name) => `TOLLGATE_${name}`);
    expect(named.filter((name) => !own.includes(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(15);
  });

  it.each([
    ["TOLLGATE_BUGDET", "TOLLGATE_BUDGET"],
    ["TOLLGATE_BUDGETS", "TOLLGATE_BUDGET"],
    ["TOLLGATE_BUDGET_USD", "TOLLGATE_BUDGET"],
    ["tollgate_budget", "TOLLGATE_BUDGET"],
    ["TOLLGATE_BUDGET ", "TOLLGATE_BUDGET"],
    ["TOLLGATE-FAIL-MODE", "TOLLGATE_FAIL_MODE"],
    ["TOLLGATE_POLICY_FILE", "TOLLGATE_POLICY"],
    ["TOLLGATE_CONTENT_PATTERN", "TOLLGATE_CONTENT_PATTERNS"],
    ["TOLLGATE_APIKEY", "TOLLGATE_API_KEY"],
  ])("that are nearly written right are told: %s", (name, meant) => {
    expect(misspelt({ [name]: "x" })).toEqual([expect.stringContaining(`is \`${meant}\` meant?`)]);
  });

  it("of one's own are left alone", () => {
    const own = [
      "TOLLGATE_PG_PASSWORD",
      "TOLLGATE_TOKEN",
      "TOLLGATE_DATA_DIR",
      "TOLLGATE_AGENT_KEY",
      "MY_TOLLGATE_BUGDET",
    ];
    const ours = AGENT_SETTINGS.map((name) => `TOLLGATE_${name}`);
    expect(misspelt(Object.fromEntries([...own, ...ours, "PATH"].map((name) => [name, "x"])))).toEqual([]);
  });

  it("read money exactly", () => {
    expect(readConfig({ TOLLGATE_BUDGET: " $0.50 " }).budget).toBe(500_000_000n);
  });

  it("send the agent's key with its spans to the processor's host only", () => {
    const keys = (endpoint: string) => [
      ...readConfig({ TOLLGATE_API_KEY: "k", OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }).tracesHeaders.keys(),
    ];
    expect(keys("http://127.0.0.1:9")).toEqual(["authorization"]);
    expect(keys("http://elsewhere:9")).toEqual([]);
  });
});

describe("a secret", () => {
  it("never prints itself", () => {
    const secret = new Secret("hunter2");
    for (const text of [String(secret), JSON.stringify({ secret }), inspect({ secret }), `${secret.toString()}`]) {
      expect(text).not.toContain("hunter2");
    }
    expect(secret.reveal()).toBe("hunter2");
  });
});

describe("the log", () => {
  it("writes what is at its level or above, and a thing once where that is asked", () => {
    const lines: string[] = [];
    const logger = createLogger("warn", (line) => lines.push(line));
    logger.log("info", "no");
    logger.log("error", "yes");
    logger.once("warn", "key", "once");
    logger.once("warn", "key", "once");
    expect(lines).toEqual(["[tollgate] error: yes\n", "[tollgate] warn: once\n"]);
  });
});
