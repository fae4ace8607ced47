/**
 * Export requests as an agent's process sends them: calls to models and tools with 25 attributes a span, a resource of
 * nine, batches of the size that the SDKs send. Seeded: two runs measure the same bytes.
 */
import { ExportTraceServiceRequest } from "../../test/support/otlp-descriptor.ts";
import { seededRandom } from "../../test/support/seeded-random.ts";

type Value =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly Value[] } };
interface KeyValue {
  readonly key: string;
  readonly value: Value;
}

/** One request in both encodings. */
export interface EncodedRequest {
  readonly spanCount: number;
  readonly protobuf: Buffer;
  readonly json: Buffer;
}

export interface TrafficOptions {
  readonly requests: number;
  readonly spansPerRequest: number;
  readonly seed: number;
}

const MODELS = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "o3-mini"] as const;
/** Spans of one run of an agent: what it says of its session and user is the same in all of them. */
const SPANS_A_SESSION = 8;
const TOOLS = ["search_orders", "refund_payment", "send_mail", "read_file"] as const;

export function genaiRequests(options: TrafficOptions): EncodedRequest[] {
  const random = seededRandom(options.seed);
  return Array.from({ length: options.requests }, (_, index) => encoded(random, index, options.spansPerRequest));
}

function encoded(random: () => number, index: number, spanCount: number): EncodedRequest {
  const hex = (bytes: number): string =>
    Array.from({ length: bytes * 2 }, () => Math.floor(random() * 16).toString(16)).join("");
  const spans: JsonSpan[] = [];
  const pick = <T>(items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
  let session = newSession(random, hex);
  for (let count = 0; count < spanCount; count += 1) {
    if (count % SPANS_A_SESSION === 0) session = newSession(random, hex);
    const isTool = count % 4 === 3;
    const start = 1_795_000_000_000_000_000n + BigInt(Math.floor(random() * 1e12));
    // A run calls one model most of the time, and now and then another one.
    const model = random() < 0.8 ? session.model : pick(MODELS);
    const tool = pick(TOOLS);
    spans.push({
      traceId: session.traceId,
      spanId: hex(8),
      parentSpanId: session.parent,
      flags: 257,
      name: isTool ? `execute_tool ${tool}` : `chat ${model}`,
      kind: isTool ? 1 : 3,
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(start + BigInt(Math.floor(random() * 3e9))),
      attributes: isTool ? toolAttributes(random, session, tool) : callAttributes(random, session, model),
      droppedAttributesCount: 0,
      events: [],
      droppedEventsCount: 0,
      links: [],
      droppedLinksCount: 0,
      status: { code: 1 },
    });
  }
  const request = {
    resourceSpans: [
      {
        resource: { attributes: resourceAttributes(index), droppedAttributesCount: 0 },
        scopeSpans: [{ scope: { name: "@opentelemetry/instrumentation-openai", version: "0.10.0" }, spans }],
      },
    ],
  };
  const binary = structuredClone(request) as unknown as { resourceSpans: { scopeSpans: { spans: BinarySpan[] }[] }[] };
  for (const span of binary.resourceSpans[0]?.scopeSpans[0]?.spans ?? []) {
    for (const key of ["traceId", "spanId", "parentSpanId"] as const) span[key] = Buffer.from(String(span[key]), "hex");
  }
  return {
    spanCount,
    protobuf: Buffer.from(ExportTraceServiceRequest.encode(ExportTraceServiceRequest.fromObject(binary)).finish()),
    json: Buffer.from(JSON.stringify(request)),
  };
}

type BinarySpan = Record<"traceId" | "spanId" | "parentSpanId", unknown>;
type JsonSpan = Record<string, unknown>;

interface Session {
  readonly id: string;
  readonly user: string;
  readonly traceId: string;
  readonly parent: string;
  readonly model: string;
}

function newSession(random: () => number, hex: (bytes: number) => string): Session {
  return {
    id: `session-${hex(8)}`,
    user: `user-${Math.floor(random() * 5_000)}`,
    traceId: hex(16),
    parent: hex(8),
    model: MODELS[Math.floor(random() * MODELS.length)] ?? MODELS[0],
  };
}

const text = (key: string, value: string): KeyValue => ({ key, value: { stringValue: value } });
const count = (key: string, value: number): KeyValue => ({ key, value: { intValue: String(Math.floor(value)) } });
const share = (key: string, value: number): KeyValue => ({ key, value: { doubleValue: value } });
const flag = (key: string, value: boolean): KeyValue => ({ key, value: { boolValue: value } });

function resourceAttributes(index: number): KeyValue[] {
  return [
    text("service.name", `checkout-agent-${index % 7}`),
    text("service.version", "4.11.2"),
    text("deployment.environment.name", "production"),
    text("team", "payments"),
    text("telemetry.sdk.language", "nodejs"),
    text("telemetry.sdk.name", "opentelemetry"),
    text("telemetry.sdk.version", "2.8.0"),
    count("process.pid", 1000 + index),
    text("host.name", `worker-${index % 50}.eu-central-1.internal`),
  ];
}

function callAttributes(random: () => number, session: Session, model: string): KeyValue[] {
  const input = 200 + random() * 8_000;
  const output = 20 + random() * 900;
  return [
    text("gen_ai.operation.name", "chat"),
    text("gen_ai.provider.name", "openai"),
    text("gen_ai.request.model", model),
    text("gen_ai.response.model", `${model}-2026-08-06`),
    text("gen_ai.response.id", `chatcmpl-${Math.floor(random() * 1e15).toString(36)}`),
    { key: "gen_ai.response.finish_reasons", value: { arrayValue: { values: [{ stringValue: "stop" }] } } },
    text("gen_ai.conversation.id", session.id),
    text("gen_ai.agent.name", "checkout"),
    text("gen_ai.agent.id", "agent_01J9ZK3QWERTY"),
    count("gen_ai.usage.input_tokens", input),
    count("gen_ai.usage.output_tokens", output),
    count("gen_ai.usage.cache_read.input_tokens", input * 0.6),
    count("gen_ai.usage.reasoning.output_tokens", output * 0.2),
    count("gen_ai.request.max_tokens", 4_096),
    share("gen_ai.request.temperature", 0.2),
    share("gen_ai.request.top_p", 0.95),
    flag("gen_ai.request.stream", true),
    text("gen_ai.output.type", "text"),
    text("server.address", "api.openai.com"),
    count("server.port", 443),
    text("user.id", session.user),
    text("tollgate.workflow.id", `workflow-${session.id.slice(-6)}`),
    text("http.request.method", "POST"),
    text("url.full", "https://api.openai.com/v1/chat/completions"),
    count("http.response.status_code", 200),
  ];
}

function toolAttributes(random: () => number, session: Session, tool: string): KeyValue[] {
  return [
    text("gen_ai.operation.name", "execute_tool"),
    text("gen_ai.tool.name", tool),
    text("gen_ai.tool.type", "function"),
    text("gen_ai.tool.call.id", `call_${Math.floor(random() * 1e15).toString(36)}`),
    text("gen_ai.tool.description", "Finds the orders of a customer by number, mail address or date of purchase."),
    text("gen_ai.conversation.id", session.id),
    text("gen_ai.agent.name", "checkout"),
    text("gen_ai.agent.id", "agent_01J9ZK3QWERTY"),
    text("user.id", session.user),
    text("tollgate.workflow.id", `workflow-${session.id.slice(-6)}`),
    text("tollgate.decision", "allow"),
    text("tollgate.decision.rule", "allow: orders"),
    text("tollgate.decision.reason", "`search_orders` matches `*_orders` under `allow`"),
    text("tollgate.policy.name", "checkout-policy"),
    text("code.function.name", "runTool"),
    text("code.file.path", "/srv/checkout/dist/tools/run-tool.js"),
    count("code.line.number", 118),
    text("db.system.name", "postgresql"),
    text("db.namespace", "orders"),
    text("db.query.summary", "SELECT orders"),
    count("db.response.returned_rows", random() * 30),
    text("server.address", "orders-db.internal"),
    count("server.port", 5_432),
    text("thread.name", "main"),
    count("thread.id", 1),
  ];
}
