import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";

/** The uid that the shipped provisioning gives the data source; dashboards refer to it through the `datasource` variable. */
export const DATASOURCE_TYPE = "grafana-clickhouse-datasource";
export const DATASOURCE_REF = { type: DATASOURCE_TYPE, uid: "${datasource}" } as const;

/** The plugin version whose query model the targets have. */
const PLUGIN_VERSION = "4.20.0";

/** `format` of the plugin's query model: 0 turns the rows into series, 1 leaves them a table. */
const FORMATS = { "time-series": 0, table: 1 } as const;

export interface ClickhouseTarget extends Dataquery {
  readonly refId: string;
  readonly datasource: typeof DATASOURCE_REF;
  readonly editorType: "sql";
  readonly queryType: "timeseries" | "table";
  readonly rawSql: string;
  readonly format: 0 | 1;
  readonly pluginVersion: string;
}

/**
 * One query of a panel for Grafana's ClickHouse data source. The foundation SDK has no builder for that plugin; any
 * object whose `build()` returns the target does.
 */
export function clickhouseTarget(options: {
  readonly refId?: string;
  readonly shape: keyof typeof FORMATS;
  readonly sql: string;
}): Builder<Dataquery> {
  const target = {
    refId: options.refId ?? "A",
    datasource: DATASOURCE_REF,
    editorType: "sql",
    queryType: options.shape === "table" ? "table" : "timeseries",
    rawSql: options.sql,
    format: FORMATS[options.shape],
    pluginVersion: PLUGIN_VERSION,
  } as const;
  return { build: () => target as unknown as ClickhouseTarget };
}
