/** An agent that only speaks OTLP (another language, another instrumentation) is priced, metered and stops the others. */
import { expect, test } from "vitest";
import { clickHouseCount, ledgerCount } from "../../src/demo/counts.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { exportRequest, postSpans } from "../support/otlp-json.ts";
import { delivered, useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";

const rig = useRig({
  governance: `
kind: budget
name: foreign
scope: { team: python }
limit: $0.01
window: lifetime
mode: hard
`,
});

const RESOURCE = { "service.name": "python-agent", team: "python" };
const CALL = {
  name: "chat gpt-4o",
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 900,
  },
};
/** 1,000 × $2.50 + 900 × $10 per million. */
const COST_NANO_USD = 11_500_000n;

test("spans without a lease count on arrival, once however often they are sent, and what comes next is refused", async () => {
  const { processor, providerUrl, simulator } = rig();
  const request = exportRequest(RESOURCE, [{ ...CALL, traceId: "a".repeat(32), spanId: "b".repeat(16) }]);
  for (let sent = 0; sent < 3; sent += 1) {
    expect((await postSpans(processor.endpoints.otlp_http, request)).status).toBe(200);
  }
  const settled = await waitFor(
    async () => {
      const { settledNanoUsd } = await ledgerCount(processor, "foreign");
      return settledNanoUsd > 0n ? settledNanoUsd : undefined;
    },
    { what: "the meter", timeoutMs: 60_000 },
  );
  expect(settled).toBe(COST_NANO_USD);
  const requests = simulator.count().requests;
  const { results } = await runSteps({
    name: "next",
    providerUrl,
    endpoints: processor.endpoints,
    labels: { team: "python" },
    steps: [{ kind: "chat", request: { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] } }],
  });
  expect(results[0]).toMatchObject({ ok: false, code: "budget_exceeded", details: { budget: "foreign" } });
  expect(simulator.count().requests).toBe(requests);
  await delivered(rig());
  expect((await clickHouseCount(processor, "team = 'python'")).nanoUsd).toBe(COST_NANO_USD);
  expect((await ledgerCount(processor, "foreign")).settledNanoUsd).toBe(COST_NANO_USD);
});
