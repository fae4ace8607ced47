/**
 * There is no container engine on the machines that build this: what can be held without one is that the files are well
 * formed, fit together and fit the processor's own schema. Whether the images run is not proved here.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadSetup } from "../../../src/service/setup.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const DEPLOY = join(ROOT, "deploy");
const yaml = (path: string): unknown => parse(readFileSync(join(DEPLOY, path), "utf8"));

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image?: string;
        readonly volumes?: readonly string[];
        readonly environment?: Readonly<Record<string, string>>;
        readonly ports?: readonly string[];
        readonly secrets?: readonly string[];
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, unknown>>;
}

describe("deploy/", () => {
  const compose = yaml("compose.yaml") as Compose;
  const services = Object.entries(compose.services);

  it("starts ClickHouse, the processor, Prometheus and Grafana, each image pinned", () => {
    expect(Object.keys(compose.services).toSorted()).toEqual(["clickhouse", "grafana", "processor", "prometheus"]);
    for (const [name, { image }] of services)
      if (image?.includes(":latest") === true || image?.includes(":") === false) throw new Error(name);
  });

  it("mounts only what is there, and publishes ports on loopback only", () => {
    for (const [name, { volumes = [], ports = [] }] of services) {
      for (const volume of volumes) {
        const [source = ""] = volume.split(":");
        const isThere = source.startsWith(".") ? existsSync(join(DEPLOY, source)) : source in compose.volumes;
        expect(isThere, `${name}: ${volume}`).toBe(true);
      }
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:/);
    }
  });

  it("asks for every secret that it uses, and the example names them all", () => {
    const text = readFileSync(join(DEPLOY, "compose.yaml"), "utf8");
    const used = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map((match) => match[1]));
    const example = new Set(
      [...readFileSync(join(DEPLOY, ".env.example"), "utf8").matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]),
    );
    expect(example).toEqual(used);
    for (const name of used) expect(text, name).toContain(`\${${name}:?`);
  });

  it("gives the processor a configuration that its schema takes, and none without the agents' key", () => {
    const file = join(DEPLOY, "tollgate.yaml");
    const environment = {
      TOLLGATE_CLICKHOUSE_PASSWORD: "p",
      TOLLGATE_AGENT_KEY: "a-key-of-some-length",
      TOLLGATE_METRICS_TOKEN: "m",
    };
    const { config, governance } = loadSetup({ file, dataDir: undefined, environment });
    expect(config.storage.clickhouse?.url).toBe("http://clickhouse:8123");
    expect(governance.budgets.map(({ name }) => name)).toEqual(["everything"]);
    expect(() => loadSetup({ file, dataDir: undefined, environment: {} })).toThrow("TOLLGATE_AGENT_KEY");
  });

  it("provisions Grafana with the reader's data source and the shipped dashboards", () => {
    const { datasources } = yaml("grafana/provisioning/datasources/tollgate.yaml") as {
      datasources: readonly {
        type: string;
        jsonData: { username: string; defaultDatabase: string; protocol: string };
      }[];
    };
    expect(datasources).toMatchObject([
      {
        type: "grafana-clickhouse-datasource",
        jsonData: { username: "tollgate_reader", defaultDatabase: "tollgate", protocol: "http" },
      },
      // The uid that the alert rules name.
      { type: "prometheus", uid: "prometheus", url: "http://prometheus:9090" },
    ]);
    const { providers } = yaml("grafana/provisioning/dashboards/tollgate.yaml") as {
      providers: readonly { options: { path: string } }[];
    };
    const grafana = compose.services["grafana"]?.volumes ?? [];
    expect(grafana).toContain(`../dashboards/json:${providers[0]?.options.path}:ro`);
    expect(grafana).toContain("../dashboards/alerts/grafana.json:/etc/grafana/provisioning/alerting/tollgate.json:ro");
  });

  it("has Prometheus scrape the processor's API and load the shipped rules", () => {
    const { rule_files: rules, scrape_configs: jobs } = yaml("prometheus/prometheus.yaml") as {
      rule_files: readonly [string];
      scrape_configs: readonly {
        authorization: { credentials_file: string };
        static_configs: readonly { targets: readonly string[] }[];
      }[];
    };
    const mounted = compose.services["prometheus"]?.volumes ?? [];
    expect(mounted).toContain(`../dashboards/alerts/prometheus.json:${rules[0]}:ro`);
    expect(jobs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets))).toEqual(["processor:4320"]);
    expect(jobs[0]?.authorization.credentials_file).toBe("/run/secrets/metrics_token");
    expect(compose.services["prometheus"]?.secrets).toEqual(["metrics_token"]);
    expect(compose.secrets).toEqual({ metrics_token: { environment: "TOLLGATE_METRICS_TOKEN" } });
  });
});
