/**
 * Goal: GenAI events that travel as logs land in ClickHouse once, with their agent and without their content, and cost nothing.
 * Method: the OpenTelemetry SDK's own exporters of logs, over each protocol, against a real processor and its engine.
 */
import { Metadata } from "@grpc/grpc-js";
import { ROOT_CONTEXT, TraceFlags, trace } from "@opentelemetry/api";
import { OTLPLogExporter as GrpcExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as JsonExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from "@opentelemetry/sdk-logs";
import { expect, it } from "vitest";
import { ProcessorProcess } from "../../../src/demo/processor-process.ts";
import { type ForeignRecord, logsRequest } from "../../support/otlp-json.ts";
import { sqlRows, useRig } from "../../support/rig.ts";

const TENANTS_KEY = "tenants-key-0123456789";
const KEY = "key-of-shop-0123456789";
const AUTHORIZATION = { authorization: `Bearer ${KEY}` };
const SPAN = { traceId: "5b8efff798038103d269b633813fc60c", spanId: "eee19b7ec3c1b174" };

const rig = useRig({
  governance: `
kind: budget
name: all
scope: {}
limit: $100
window: lifetime
mode: hard
`,
  config: `auth: { metrics_token: scraper, agents: [{ agents: ["shop-*"], key: "${KEY}" }, { agents: ["acme-*"], key: "${TENANTS_KEY}", tenant: acme }] }\n`,
});

const EXPORTERS: Readonly<Record<string, () => LogRecordExporter>> = {
  grpc: () => {
    const metadata = new Metadata();
    metadata.set("authorization", AUTHORIZATION.authorization);
    return new GrpcExporter({ url: rig().processor.endpoints.otlp_grpc, metadata });
  },
  protobuf: () =>
    new ProtobufExporter({ url: `${rig().processor.endpoints.otlp_http}/v1/logs`, headers: AUTHORIZATION }),
  json: () => new JsonExporter({ url: `${rig().processor.endpoints.otlp_http}/v1/logs`, headers: AUTHORIZATION }),
};

/** What an instrumentation of a model's SDK says about one call. */
async function emitCall(exporter: LogRecordExporter, agent: string): Promise<void> {
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
  const logger = provider.getLogger("instrumentation", "1.2.3");
  const context = trace.setSpanContext(ROOT_CONTEXT, { ...SPAN, traceFlags: TraceFlags.SAMPLED });
  const attributes = { "gen_ai.agent.name": agent, "gen_ai.conversation.id": `session of ${agent}` };
  logger.emit({
    context,
    eventName: "gen_ai.user.message",
    severityNumber: 9,
    severityText: "INFO",
    attributes,
    body: { role: "user", content: "a secret question" },
  });
  logger.emit({
    context,
    eventName: "gen_ai.choice",
    severityNumber: 9,
    attributes,
    body: { index: 0, finish_reason: "stop", message: { role: "assistant", content: "a secret answer" } },
  });
  await provider.forceFlush();
  await provider.shutdown();
}

it.each(Object.keys(EXPORTERS))("the %s exporter's events are in ClickHouse, without content", async (name) => {
  const exporter = EXPORTERS[name]?.();
  if (exporter === undefined) throw new Error(name);
  const agent = `shop-${name}`;
  await emitCall(exporter, agent);
  const rows = await sqlRows(
    rig(),
    `SELECT event_name, body, trace_id, span_id, severity_number, scope, agent, agent_verified, session,
       attributes['tollgate.content.dropped'] AS dropped
     FROM events WHERE agent = '${agent}' ORDER BY event_name`,
    2,
  );
  const shared = {
    trace_id: SPAN.traceId,
    span_id: SPAN.spanId,
    severity_number: 9,
    scope: "instrumentation",
    agent,
    agent_verified: true,
    session: `session of ${agent}`,
    dropped: "1",
  };
  const choice = rows[0];
  expect(JSON.parse(String(choice?.["body"]))).toEqual({
    index: 0,
    finish_reason: "stop",
    message: { role: "assistant" },
  });
  expect(rows).toEqual([
    { ...shared, event_name: "gen_ai.choice", body: choice?.["body"] },
    { ...shared, event_name: "gen_ai.user.message", body: '{"role":"user"}' },
  ]);
});

async function post(request: unknown): Promise<Response> {
  return fetch(`${rig().processor.endpoints.otlp_http}/v1/logs`, {
    method: "POST",
    headers: { "content-type": "application/json", ...AUTHORIZATION },
    body: JSON.stringify(request),
  });
}

it("a request that is sent again counts once, also after a restart; what is twice in one request is kept twice", async () => {
  const record: ForeignRecord = {
    eventName: "gen_ai.evaluation.result",
    attributes: { "gen_ai.agent.name": "shop-again" },
  };
  const request = logsRequest({}, [record, record]);
  expect((await post(request)).status).toBe(200);
  expect((await post(request)).status).toBe(200);
  await sqlRows(rig(), "SELECT id FROM events WHERE agent = 'shop-again'", 2);
  const { processor, workspace } = rig();
  await processor.stop();
  rig().processor = await ProcessorProcess.start({ workspace, at: processor.endpoints });
  expect((await post(request)).status).toBe(200);
  const last = logsRequest({}, [{ eventName: "last", attributes: { "gen_ai.agent.name": "shop-again" } }]);
  expect((await post(last)).status).toBe(200);
  // Blocks are delivered in order: whatever came before the last one is there when it is.
  await sqlRows(rig(), "SELECT id FROM events WHERE event_name = 'last'", 1);
  const rows = await sqlRows(rig(), "SELECT event_name FROM events WHERE agent = 'shop-again' ORDER BY event_name", 3);
  expect(rows.map((row) => row["event_name"])).toEqual([
    "gen_ai.evaluation.result",
    "gen_ai.evaluation.result",
    "last",
  ]);
});

it("usage that an event claims is never spend", async () => {
  const usage = {
    "gen_ai.agent.name": "shop-spender",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1_000_000,
    "gen_ai.usage.output_tokens": 1_000_000,
    "tollgate.cost.nano_usd": 5_000_000_000,
  };
  const record = { eventName: "gen_ai.client.inference.operation.details", attributes: usage };
  expect((await post(logsRequest({}, [record]))).status).toBe(200);
  const [row] = await sqlRows(
    rig(),
    "SELECT attributes['gen_ai.usage.input_tokens'] AS tokens FROM events WHERE agent = 'shop-spender'",
    1,
  );
  expect(row).toEqual({ tokens: "1000000" });
  const [budget] = (await rig().processor.cli("budgets")) as { readonly settled?: unknown }[];
  expect(JSON.stringify(budget)).toContain('"name":"all"');
  expect(Number(budget?.settled)).toBe(0);
  const [calls] = await sqlRows(rig(), "SELECT toUInt32(count()) AS calls FROM spend_by_minute", 1);
  expect(calls).toEqual({ calls: 0 });
});

it("the count equation of logs is in the metrics, beside that of spans", async () => {
  const text = await (
    await fetch(`${rig().processor.endpoints.api}/metrics`, { headers: { authorization: "Bearer scraper" } })
  ).text();
  for (const component of ["receivers.otlp", "processors.events", "exporters.clickhouse"]) {
    const line = text.split("\n").find((each) => {
      const isImbalance = each.startsWith("tollgate_component_imbalance_items{");
      return isImbalance && each.includes(`component="${component}"`) && each.includes('signal="logs"');
    });
    expect(line, component).toMatch(/ 0$/);
  }
});

it("where a key is of a tenant, nobody reads everybody's rows without a password, on loopback either", async () => {
  const { endpoints } = rig().processor;
  const statusAs = async (user: string): Promise<number> => {
    const headers = { "x-clickhouse-user": user, "x-clickhouse-key": "" };
    return (await fetch(endpoints.clickhouse, { method: "POST", headers, body: "SELECT 1" })).status;
  };
  expect([await statusAs("readonly"), await statusAs("default"), await statusAs("tollgate")]).toEqual([403, 403, 403]);
  expect(await rig().processor.cli("sql", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
});
