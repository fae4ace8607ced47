import { Command } from "commander";
import type { ServiceStatus } from "../api/status.ts";
import { EXIT } from "./exit.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Output, printJson } from "./output.ts";
import { findProcessor } from "./processor.ts";

/** `tollgate status`: what runs, what it has seen, what is wrong. Exit code 1 when something is. */
export function statusCommand(output: Output): Command {
  return new Command("status")
    .description("what runs, what it has seen, what is wrong (exit code 1 with a warning)")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (options: CommonOptions) => {
      const status = await findProcessor(options).get<ServiceStatus>("/v1/status");
      if (options.json === true) printJson(output, status);
      else for (const line of statusLines(status)) output.line(line);
      if (status.warnings.length > 0) process.exitCode = EXIT.finding;
    });
}

function statusLines(status: ServiceStatus): readonly string[] {
  const { endpoints, spans, governance, storage } = status;
  const dropped = Object.entries(spans.dropped).map(([reason, count]) => `${count} ${reason}`);
  return [
    `tollgate ${status.version}, pid ${status.pid}, up ${Math.round(status.uptime_ms / 1000)} s, ${status.ready ? "ready" : "not ready"}`,
    `  OTLP/HTTP    ${endpoints.otlp_http ?? "off"}`,
    ...(endpoints.otlp_grpc === null ? [] : [`  OTLP/gRPC    ${endpoints.otlp_grpc}`]),
    `  API          ${endpoints.api}`,
    `  ClickHouse   ${endpoints.clickhouse} (${storage.kind}, ${storage.ready ? "ready" : "cannot be reached"}, database ${storage.database})`,
    `  spans        ${spans.received} received, ${spans.stored} stored, ${spans.in_flight} in the spool, ${spans.refused} refused, ${dropped.join(", ") || "0"} dropped`,
    `  governance   ${governance.budgets} budgets, ${governance.policies} policies, ${governance.agents} agents, ${governance.prices} price lists (version ${governance.version})`,
    `  processes    ${status.processes}`,
    ...policyNote(status),
    ...status.warnings.map((warning) => `  warning      ${warning}`),
  ];
}

function policyNote({ agents_without_policy: agents, governance }: ServiceStatus): readonly string[] {
  if (agents.length === 0) return [];
  const names = agents.slice(0, 5).join(", ") + (agents.length > 5 ? ` and ${agents.length - 5} more` : "");
  return [`  no policy    ${names}: their tools are ${governance.require_policy ? "denied" : "allowed"}`];
}
