/**
 * Ways around the gate that were found by trying them: spellings, bodies, headers, threads and programs that do not look like a model
 * call. One real process tries each with a budget that nothing fits into; what arrives at the provider has slipped past.
 */
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Child } from "../../../src/demo/child-process.ts";
import { lastWords } from "../../../src/demo/processor-process.ts";
import { OtlpReceiver } from "../../support/otlp-receiver.ts";
import { chatCompletion, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

const SCRIPT = join(import.meta.dirname, "..", "..", "support", "agents", "other-ways.mjs");
const WAYS = 24;

const receiver = new OtlpReceiver();
const local = createServer();
const throughSocket: string[] = [];
let folder: string;
let provider: ScriptedProvider;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-ways-"));
  provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));
  local.on("request", (request, response) => {
    throughSocket.push(request.url ?? "");
    response.end("{}");
  });
  await new Promise<void>((resolve) => local.listen(join(folder, "s"), resolve));
  await receiver.up();
});

afterAll(async () => {
  await new Promise((resolve) => local.close(resolve));
  await receiver.down();
  await provider.close();
  rmSync(folder, { recursive: true, force: true });
});

it("nothing slips past the gate by another way of saying it, and each refusal is on record when another program takes over", async () => {
  const child = new Child({
    args: ["--import", "@tollgate/instrumentation/register", SCRIPT],
    env: {
      TOLLGATE_ENDPOINT: "off",
      TOLLGATE_BUDGET: "$0.000001",
      TOLLGATE_PROVIDERS: `openai=${provider.url}/known`,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      URL: provider.url,
      SOCKET: join(folder, "s"),
    },
  });
  const exit = await child.exit;
  if (exit.code !== 0) throw new Error(lastWords(exit));
  const [first = "{}", second = "{}"] = exit.stdout.trim().split("\n");
  const found = JSON.parse(first) as Readonly<Record<string, string>>;
  expect(found).toEqual(Object.fromEntries(Object.keys(found).map((way) => [way, "budget_exceeded"])));
  expect(Object.keys(found)).toHaveLength(WAYS);
  expect(JSON.parse(second)).toEqual({ undici: "budget_exceeded" });
  expect(provider.requests.map(({ path }) => path)).toEqual([]);
  expect(throughSocket).toEqual([]);
  const refused = [...receiver.spans.values()].filter(
    ({ attributes }) => attributes["tollgate.decision"] === "deny" && attributes["tollgate.wire"] !== undefined,
  );
  expect(refused).toHaveLength(WAYS + 1);
});
