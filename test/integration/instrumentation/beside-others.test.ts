/**
 * Goal: other instrumentations of the same library in the same process (OpenTelemetry's own, OpenLLMetry, OpenInference) cost nothing twice,
 * whoever is registered first. Method: real agent processes, a real processor; what the provider counts, the ledger and the spans must agree.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ledgerCount } from "../../../src/demo/counts.ts";
import { sqlRows, useRig } from "../../support/rig.ts";

const require = createRequire(import.meta.url);
const ROOT = join(import.meta.dirname, "..", "..", "..");
const rig = useRig({ governance: "{ kind: budget, name: all, limit: $10.00, window: lifetime, mode: hard }\n" });

/** Two of them patch older versions by themselves; what they would put into this one is put into it. */
const OTHERS = {
  openinference: `
const own = new (require("${require.resolve("@arizeai/openinference-instrumentation-openai")}").OpenAIInstrumentation)();
own.manuallyInstrument(require("openai").OpenAI);`,
  openllmetry: `
const own = new (require("${require.resolve("@traceloop/instrumentation-openai")}").OpenAIInstrumentation)();
own.manuallyInstrument(require("openai").OpenAI);`,
  opentelemetry: `
const own = new (require("${require.resolve("@opentelemetry/instrumentation-openai")}").OpenAIInstrumentation)();
own.init()[0].patch(require("openai"), "6.0.0");`,
};
const REGISTER = `
require("@opentelemetry/instrumentation").registerInstrumentations({ instrumentations: [own] });`;
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

/** Runs one agent that has one of the others in it, before the gate or after it. */
async function runAgent(other: keyof typeof OTHERS, first: "gate" | "other", agent: string): Promise<void> {
  const { processor, providerUrl } = rig();
  const others = join(folder, `${agent}-other.cjs`);
  const main = join(folder, `${agent}.cjs`);
  writeFileSync(others, `${OTHERS[other]}${REGISTER}`);
  writeFileSync(main, `require(${JSON.stringify(others)});${CALLS}`);
  const gate = ["--import", "@tollgate/instrumentation/register"];
  const child = spawn(process.execPath, [...(first === "gate" ? gate : ["--require", others, ...gate]), main], {
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
}

const scopesOf = (agent: string, where: string): string =>
  `SELECT scope, cost_nano_usd FROM spans WHERE service = '${agent}' AND ${where}`;

it.each(["gate", "other"] as const)("each call is charged once where the %s was registered first", async (first) => {
  const { processor, simulator } = rig();
  const names = Object.keys(OTHERS) as (keyof typeof OTHERS)[];
  const before = { paid: BigInt(simulator.count().nano_usd), ledger: await ledgerCount(processor, "all") };
  await Promise.all(names.map((other) => runAgent(other, first, `${other}-${first}`)));
  const paid = BigInt(simulator.count().nano_usd) - before.paid;
  expect(paid).toBeGreaterThan(0n);
  let told = 0n;
  for (const other of names) {
    const agent = `${other}-${first}`;
    // Theirs are there, or nothing would be shown.
    await sqlRows(rig(), scopesOf(agent, "scope NOT LIKE '@tollgate/%'"), 1);
    await sqlRows(rig(), scopesOf(agent, "scope LIKE '@tollgate/%' AND cost_nano_usd != 0"), CALLS_OF_AGENT);
    const rows = await sqlRows(rig(), scopesOf(agent, "cost_nano_usd != 0"), CALLS_OF_AGENT);
    expect(rows.filter(({ scope }) => !String(scope).startsWith("@tollgate/"))).toEqual([]);
    expect(rows).toHaveLength(CALLS_OF_AGENT);
    for (const row of rows) told += BigInt(String(row["cost_nano_usd"]));
  }
  expect(told).toBe(paid);
  const after = await ledgerCount(processor, "all");
  expect(after.settledNanoUsd - before.ledger.settledNanoUsd).toBe(paid);
  expect(after.reservedNanoUsd).toBe(0n);
});
