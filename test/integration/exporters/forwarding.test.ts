/**
 * Goal: Tollgate stands in front of what people already have: their backend gets every span that ClickHouse gets, and
 * nothing that was to be taken out.
 * Method: two real processors in a row (gRPC between them) and a bare OTLP server behind the first one, too (HTTP); the
 * rows of both processors are compared column by column.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessorProcess, type Workspace } from "../../../src/demo/processor-process.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { decodeProtobufLogs } from "../../../src/pdata/otlp/protobuf-logs.ts";
import { OtlpBackend } from "../../support/otlp-backend.ts";
import { exportRequest, postSpans } from "../../support/otlp-json.ts";
import { tollgate } from "../../support/tollgate-cli.ts";

const GOVERNANCE = "kind: budget\nname: all\nlimit: $1000.00\nwindow: lifetime\n";
const SPANS = 40;
const EVENTUALLY = { timeoutMs: 60_000, intervalMs: 100 } as const;
const SECRET = "the launch code is 0000";
const CALL = {
  name: "chat gpt-4o",
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 10,
    "gen_ai.input.messages": `[{"role":"user","parts":[{"type":"text","content":"${SECRET}"}]}]`,
    note: "ü 🚀",
  },
} as const;

/** What a backend may know differently: when it received the span, and what Tollgate added to it. */
const ROWS = `SELECT trace_id, span_id, parent_span_id, name, kind, start, end, status, status_message, service, scope, agent,
  model, input_tokens, output_tokens, cost_nano_usd, attributes['note'] AS note, resource_attributes
  FROM spans ORDER BY trace_id, span_id`;

const stack = new AsyncDisposableStack();
let front: ProcessorProcess;
let back: ProcessorProcess;
let frontWorkspace: Workspace;
const bare = new OtlpBackend({ protocol: "http" });

async function startProcessor(config: string): Promise<{ processor: ProcessorProcess; workspace: Workspace }> {
  const workspace = await createWorkspace({ governance: GOVERNANCE, config });
  stack.defer(() => workspace.remove());
  const processor = await ProcessorProcess.start({ workspace });
  stack.defer(async () => void (await processor.stop()));
  return { processor, workspace };
}

beforeAll(async () => {
  stack.defer(() => bare.stop());
  await bare.start();
  back = (await startProcessor("")).processor;
  const config = `exporters: { otlp/back: { endpoint: "${back.endpoints.otlp_grpc}" }, otlp_http/bare: { endpoint: "${bare.endpoint}", headers: { x-key: hidden-value }, signals: [traces, logs] } }\n`;
  const started = await startProcessor(config);
  front = started.processor;
  frontWorkspace = started.workspace;
  const request = exportRequest(
    { "service.name": "shop", team: "checkout" },
    Array.from({ length: SPANS }, () => CALL),
  );
  const { status } = await postSpans(front.endpoints.otlp_http, request);
  if (status !== 200) throw new Error(`OTLP was answered ${status}`);
});

afterAll(() => stack.disposeAsync());

async function rows(processor: ProcessorProcess): Promise<readonly unknown[]> {
  return waitFor(
    async () => {
      const found = await processor.cli("sql", ROWS);
      return found.length >= SPANS ? found : undefined;
    },
    { what: "the spans", ...EVENTUALLY },
  );
}

describe("a processor in front of others", () => {
  it("passes every span on, equal in every column", async () => {
    const behind = await rows(back);
    expect(behind).toHaveLength(SPANS);
    expect(behind).toEqual(await rows(front));
  });

  it("passes on what its processors found, and not what they took out", async () => {
    await waitFor(() => bare.spans.length === SPANS, { what: "the spans", ...EVENTUALLY });
    const [span] = bare.spans;
    expect(span?.attributes.get("tollgate.agent.name")).toBe("shop");
    expect(span?.attributes.get("tollgate.cost.status")).toBe("exact");
    const sent = JSON.stringify(bare.spans.map(({ attributes }) => [...attributes].map(String)));
    expect(sent).not.toContain(SECRET);
    expect(sent).toContain("ü 🚀");
  });

  it("passes log records on to those that take them, without their content", async () => {
    const text = (stringValue: string) => ({ stringValue });
    const record = {
      eventName: "gen_ai.client.inference.operation.details",
      attributes: [
        { key: "gen_ai.input.messages", value: text(SECRET) },
        { key: "gen_ai.request.model", value: text("gpt-4o") },
      ],
    };
    const answer = await fetch(`${front.endpoints.otlp_http}/v1/logs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }),
    });
    expect(answer.status).toBe(200);
    const request = await waitFor(() => bare.requests.find(({ path }) => path === "/v1/logs"), {
      what: "the log record",
      ...EVENTUALLY,
    });
    const decoded = decodeProtobufLogs(request.body);
    expect(decoded).toMatchObject({ kind: "decoded", records: [{ eventName: record.eventName }] });
    expect(request.body.includes("gpt-4o")).toBe(true);
    expect(request.body.includes(SECRET)).toBe(false);
  });

  it("counts each backend apart", async () => {
    const metrics = await (await fetch(`${front.endpoints.api}/metrics`)).text();
    for (const name of ["exporters.clickhouse", "exporters.otlp/back", "exporters.otlp_http/bare"]) {
      expect(metrics).toContain(`"${name}"`);
    }
  });

  it("shows no header's value", async () => {
    const { stdout } = await tollgate(["config", "print", `${frontWorkspace.path}/tollgate.yaml`]);
    expect(stdout).toContain("otlp_http/bare");
    expect(stdout).not.toContain("hidden-value");
  });
});
