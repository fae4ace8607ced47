/**
 * An agent in another language that reserves over HTTP and sends its spans over OTLP: the money came by the commit, so the
 * span that carries the reservation's id is stored and priced, and not counted again. Method: a second span without an id in
 * the same request is the mark by which we know that the meter has seen both.
 */
import { expect, test } from "vitest";
import { clickHouseCount, ledgerCount } from "../../src/demo/counts.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { exportRequest, postSpans } from "../support/otlp-json.ts";
import { delivered, useRig } from "../support/rig.ts";

const rig = useRig({
  governance: `
kind: budget
name: go-agents
scope: { team: go }
limit: $1.00
window: lifetime
mode: hard
`,
});

const CALL = {
  name: "chat gpt-4o",
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 900,
  },
};
/** 1,000 × $2.50 + 900 × $10 per million. */
const COST_NANO_USD = 11_500_000n;

test("a span that carries a reservation's id is stored, priced and not counted a second time", async () => {
  const { processor } = rig();
  const { api, otlp_http: otlp } = processor.endpoints;
  const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(new URL(path, api), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(response.ok).toBe(true);
    return (await response.json()) as Record<string, unknown>;
  };
  const { id } = await post("/v1/reservations", { agent: "go-agent", labels: { team: "go" }, estimate_usd: "0.02" });
  const usage = { provider: "openai", model: "gpt-4o", input_tokens: 1_000, output_tokens: 900 };
  expect(await post(`/v1/reservations/${String(id)}/commit`, { usage })).toMatchObject({
    outcome: "committed",
    settled_usd: "0.011500000",
  });

  const reserved = { ...CALL, attributes: { ...CALL.attributes, "tollgate.lease.id": String(id) } };
  const resource = { "service.name": "go-agent", team: "go" };
  expect((await postSpans(otlp, exportRequest(resource, [reserved, CALL]))).status).toBe(200);

  const settled = async (): Promise<bigint> => (await ledgerCount(processor, "go-agents")).settledNanoUsd;
  await waitFor(async () => (await settled()) > COST_NANO_USD, { what: "the meter", timeoutMs: 60_000 });
  expect(await settled()).toBe(2n * COST_NANO_USD);
  await delivered(rig());
  expect((await clickHouseCount(processor, "team = 'go'")).nanoUsd).toBe(2n * COST_NANO_USD);
});
