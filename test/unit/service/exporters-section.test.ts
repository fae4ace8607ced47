import { describe, expect, it } from "vitest";
import { z } from "zod";
import { validate } from "../../../src/config/validate.ts";
import { exportersSection, otlpInstances } from "../../../src/service/exporters-section.ts";

const schema = z.strictObject({ exporters: exportersSection });

function problemsOf(exporters: unknown): readonly string[] {
  const result = validate(schema, { file: "t", value: { exporters }, locate: () => ({ line: 1, column: 1 }) });
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
}

describe("the exporters of tollgate.yaml", () => {
  it("are ClickHouse alone when nothing is written", () => {
    const { exporters } = schema.parse({ exporters: {} });
    expect(Object.keys(exporters)).toEqual(["clickhouse"]);
    expect(otlpInstances(exporters)).toEqual([]);
  });

  it("may be any number of backends, each with a name of its own", () => {
    const { exporters } = schema.parse({
      exporters: {
        otlp: { endpoint: "collector:4317" },
        "otlp/tempo": { endpoint: "http://tempo:4317", headers: { "X-Scope-OrgID": "secret" } },
        "otlp_http/datadog": { endpoint: "https://otlp.example.com", compression: "zstd" },
      },
    });
    const instances = otlpInstances(exporters);
    expect(instances.map(({ name, type }) => [name, type])).toEqual([
      ["otlp", "otlp"],
      ["otlp/tempo", "otlp"],
      ["otlp_http/datadog", "otlp_http"],
    ]);
    expect(instances[0]?.config).toMatchObject({ compression: "gzip", sending_queue: { on_full: "drop_oldest" } });
    expect(JSON.stringify(exporters)).not.toContain("secret");
  });

  it("say at its path what is wrong with one of them", () => {
    expect(problemsOf({ "otlp/a": {} })).toEqual(['exporters["otlp/a"].endpoint: is required']);
    expect(problemsOf({ "otlp/a": { endpoint: "a:1", sending_que: {} } })).toEqual([
      expect.stringMatching(
        /^exporters\["otlp\/a"\]\.sending_que: unknown key `sending_que` \(known: .*\bsending_queue\b/,
      ),
    ]);
    expect(problemsOf({ "otlp/a": { endpoint: "a:1", compression: "zstd" } })[0]).toContain(
      'exporters["otlp/a"].compression',
    );
    expect(problemsOf({ "otlp/a": { endpoint: "a:1", tls: { cert_file: "c.pem" } } })).toEqual([
      'exporters["otlp/a"].tls: `cert_file` and `key_file` go together',
    ]);
    expect(problemsOf({ otlp_http: { endpoint: "localhost:4318" } })).toEqual([
      "exporters.otlp_http.endpoint: expected an http or https URL",
    ]);
    expect(problemsOf({ "otlp/a": { endpoint: "a:1", headers: { "x-key": "ä" } } })).toEqual([
      'exporters["otlp/a"].headers.x-key: expected printable ASCII',
    ]);
  });

  it.each(["prometheus", "otlp/", "otlp/a b", "otlpx", "otlp/../x", "constructor"])("refuse the key `%s`", (key) => {
    const [problem, ...others] = problemsOf({ [key]: { endpoint: "a:1" } });
    expect(problem).toContain(
      `: unknown key \`${key}\` (known: clickhouse, otlp, otlp/NAME, otlp_http, otlp_http/NAME)`,
    );
    expect(others).toEqual([]);
  });
});
