import { counted } from "../support/counted.ts";
import type { ServiceEndpoints } from "./endpoints.ts";

export interface AnnouncementOptions {
  readonly version: string;
  readonly endpoints: ServiceEndpoints;
  readonly dataDir: string;
  /** Only at the first start: later it is in the data directory. */
  readonly newToken: string | undefined;
  readonly tokenFile: string;
  readonly isStorageReady: boolean;
  readonly budgets: number;
  readonly policies: number;
}

/** What a person reads when the processor is ready: where everything is, and what to do next. */
export function announce(options: AnnouncementOptions): readonly string[] {
  const { endpoints } = options;
  const next = agentLine(endpoints);
  return [
    "",
    `Tollgate ${options.version} is ready.`,
    "",
    `  OTLP/HTTP     ${endpoints.otlp_http}/v1/traces`,
    `  OTLP/gRPC     ${endpoints.otlp_grpc}`,
    `  API           ${endpoints.api}  (no console yet: this page says what there is)`,
    `  ClickHouse    ${endpoints.clickhouse}${options.isStorageReady ? "" : "  (not answering yet; spans wait in the spool)"}`,
    `  Data          ${options.dataDir}`,
    `  Governance    ${counted(options.budgets, "budget")}, ${counted(options.policies, "policy", "policies")}`,
    ...(options.newToken === undefined
      ? []
      : ["", `  Your token for the API, shown once (it is kept in ${options.tokenFile}):`, `  ${options.newToken}`]),
    "",
    "Next: run an agent through the gate",
    `  ${next}`,
    "and look at what it did: npx tollgate traces · npx tollgate spend --by agent,model · npx tollgate budgets",
    "",
  ];
}

/** Endpoints that are not the instrumentation's defaults are part of the line. */
function agentLine(endpoints: ServiceEndpoints): string {
  const settings = [
    ...(endpoints.api === "http://127.0.0.1:4320" ? [] : [`TOLLGATE_ENDPOINT=${endpoints.api}`]),
    ...(endpoints.otlp_http === "http://127.0.0.1:4318" ? [] : [`OTEL_EXPORTER_OTLP_ENDPOINT=${endpoints.otlp_http}`]),
    "OTEL_SERVICE_NAME=my-agent",
  ];
  return `${settings.join(" ")} node --import @tollgate/instrumentation/register agent.js`;
}
