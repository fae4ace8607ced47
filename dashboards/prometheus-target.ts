import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";

export const PROMETHEUS_TYPE = "prometheus";
/** Dashboards refer to the data source through a variable; the shipped provisioning names one. */
export const PROMETHEUS_REF = { type: PROMETHEUS_TYPE, uid: "${prometheus}" } as const;

/** One PromQL query of a panel. `legend` is Grafana's format: `{{component}}`. */
export function prometheusTarget(options: {
  readonly refId: string;
  readonly expr: string;
  readonly legend: string;
  /** Only the value of now: for tables and single figures. */
  readonly isInstant?: boolean;
}): DataqueryBuilder {
  const query = new DataqueryBuilder()
    .refId(options.refId)
    .datasource(PROMETHEUS_REF)
    .expr(options.expr)
    .legendFormat(options.legend);
  return options.isInstant === true ? query.instant() : query.range();
}
