/**
 * Goal: other instrumentations of the same library in the same process (OpenTelemetry's own, OpenLLMetry, OpenInference) cost nothing twice,
 * whoever is registered first. Method: real agent processes, a real processor; what the provider counts, the ledger and the spans must agree.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ledgerCount } from "../../../src/demo/counts.ts";
import { sqlRows, useRig } from "../../support/rig.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const rig = useRig({ governance: "{ kind: budget, name: all, limit: $10.00, window: lifetime, mode: hard }\n" });

/** Two of them patch older versions by themselves; what they would put into this one is put into it. */
const OTHERS = `
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const arize = new (require("@arizeai/openinference-instrumentation-openai").OpenAIInstrumentation)();
const traceloop = new (require("@traceloop/instrumentation-openai").OpenAIInstrumentation)();
const official = new (require("@opentelemetry/instrumentation-openai").OpenAIInstrumentation)();
registerInstrumentations({ instrumentations: [arize, traceloop, official] });
const openai = require("openai");
traceloop.manuallyInstrument(openai.OpenAI);
official.init()[0].patch(openai, "6.0.0");
`;
const CALLS = `
const OpenAI = require("openai");
const client = new OpenAI({ apiKey: "k", baseURL: process.env.PROVIDER + "/v1", maxRetries: 0 });
const request = { model: "gpt-4o", max_tokens: 40, messages: [{ role: "user", content: "hi" }] };
(async () => {
  await client.chat.completions.create(request);
  for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) void chunk;
})();
`;
const CALLS_OF_AGENT = 2;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-agent-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ["the gate", "--import", "@tollgate/instrumentation/register", `${OTHERS}${CALLS}`],
  ["the others", "--require", "./others.cjs", CALLS],
])("is charged once when %s came first", async (first, flag, module, source) => {
  const { processor, providerUrl, simulator } = rig();
  const agent = `after-${first.replace(" ", "-")}`;
  const before = { paid: BigInt(simulator.count().nano_usd), ledger: await ledgerCount(processor, "all") };
  writeFileSync(join(folder, "others.cjs"), OTHERS);
  writeFileSync(join(folder, "agent.cjs"), source);
  const preload = module.startsWith(".") ? join(folder, module) : module;
  const args = [flag, preload, ...(flag === "--require" ? ["--import", "@tollgate/instrumentation/register"] : [])];
  const child = spawn(process.execPath, [...args, join(folder, "agent.cjs")], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      PROVIDER: providerUrl,
      OTEL_SERVICE_NAME: agent,
      TOLLGATE_ENDPOINT: processor.endpoints.api,
      OTEL_EXPORTER_OTLP_ENDPOINT: processor.endpoints.otlp_http,
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  expect(await once(child, "close")).toEqual([0, null]);
  const paid = BigInt(simulator.count().nano_usd) - before.paid;
  expect(paid).toBeGreaterThan(0n);
  const query = (where: string): string =>
    `SELECT scope, cost_nano_usd FROM spans WHERE service = '${agent}' AND ${where}`;
  // Theirs are there, or nothing would be shown.
  const theirs = await sqlRows(rig(), query("scope NOT LIKE '@tollgate/%'"), 3 * CALLS_OF_AGENT);
  expect(new Set(theirs.map((row) => row["scope"])).size).toBe(3);
  const rows = await sqlRows(rig(), query("cost_nano_usd != 0"), CALLS_OF_AGENT);
  expect(rows).toHaveLength(CALLS_OF_AGENT);
  expect(rows.filter((row) => String(row["scope"]).startsWith("@tollgate/instrumentation"))).toEqual(rows);
  expect(rows.reduce((sum, row) => sum + BigInt(String(row["cost_nano_usd"])), 0n)).toBe(paid);
  const after = await ledgerCount(processor, "all");
  expect(after.settledNanoUsd - before.ledger.settledNanoUsd).toBe(paid);
  expect(after.reservedNanoUsd).toBe(0n);
});
